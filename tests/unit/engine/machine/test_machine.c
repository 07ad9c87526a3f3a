/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/base/limits.h"
#include "engine/machine/machine.h"
#include "kv_fixture.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static struct kv_saved save(struct ww_state_machine *machine)
{
    struct kv_saved saved = {0};
    void *view;
    cr_assert_eq(machine->view(machine->self, 0, &view), WW_OK);
    cr_assert_eq(machine->save(machine->self, view, kv_saved_write, &saved), WW_OK);
    machine->end_view(machine->self, view);
    return saved;
}

Test(machine, a_saved_state_tells_whose_it_is)
{
    struct ww_state_machine log;
    struct kv kv;
    cr_assert_eq(ww_machine_log_create(1, &log), WW_OK);
    kv_open(&kv, 16ull * WW_MIB);
    struct kv_saved of_log = save(&log), of_kv = save(&kv.machine);
    cr_assert_str_eq(ww_machine_of_state(of_log.data, of_log.bytes), log.name);
    cr_assert_str_eq(ww_machine_of_state(of_kv.data, of_kv.bytes), kv.machine.name);
    cr_assert_str_eq(ww_machine_of_state(of_kv.data, of_kv.bytes - 1), "other");
    of_kv.data[0]++;
    cr_assert_str_eq(ww_machine_of_state(of_kv.data, of_kv.bytes), "other");
    cr_assert_str_eq(ww_machine_of_state(of_kv.data, 0), "other");
    free(of_log.data);
    free(of_kv.data);
    log.destroy(log.self);
    kv_close(&kv);
}
