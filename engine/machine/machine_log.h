/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WW_MACHINE_MACHINE_LOG_H
#define WW_MACHINE_MACHINE_LOG_H

#define WW_MACHINE_LOG_BYTES 16u /* of a saved state: the last index, the digest */

#endif
