#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Nothing that was acknowledged is lost by a crash of the disk: hundreds of disks a run
(docs/crash-tests.md; `./dev crash` makes more of them)."""
import shutil

from crash import Totals, check_images
from recording import KINDS, SNAPSHOTS, Images, Recording
from disk import fast_directory, own_mounts, why_not
from harness import check, check_equal, run_tests, skip

SECONDS = 3
IMAGES = 60
BOOT_EVERY = 20
LOST_FLUSHES = 8

directory = None
recordings = {}


def survives(kind):
    """Records and checks; whoever comes later may use the recording."""
    if directory is None:
        skip(why_not())
    (directory / kind).mkdir()
    seed = list(KINDS).index(kind) + 1
    recording = recordings[kind] = Recording.make(directory / kind, kind, seed, SECONDS)
    totals = Totals()
    check_images(recording, IMAGES, seed, BOOT_EVERY, totals)
    print(f"# {totals}", flush=True)
    check(totals.counts["required"] > IMAGES, "acknowledged entries were looked for")
    check(totals.counts["covered"] > 0 or SNAPSHOTS not in KINDS[kind][1],
          "snapshots stand for acknowledged entries")
    check(totals.counts["torn"] > 0 and totals.counts["dropped"] > 0, "writes were torn and lost")
    return recording


def test_one_node_with_dsync():
    recording = survives("dsync")
    with Images(recording) as images:
        check(images.flushes > recording.about["status"]["writes"],
              "every durable write of the node arrives at the disk as a flush")


def test_one_node_with_fdatasync_and_three_groups():
    survives("fdatasync")


def test_a_node_of_three_whose_leader_changes():
    survives("cluster")


def test_one_node_that_writes_through_the_cache():
    survives("buffered")


def test_one_node_whose_disk_reports_errors():
    survives("errors")


def test_one_node_that_writes_through_the_cache_to_a_disk_that_reports_errors():
    survives("buffered-errors")


def test_a_disk_that_forgets_what_it_flushed_is_found_out():
    """What the tests above must be able to see."""
    if "dsync" not in recordings:
        skip("there is no recording")
    with Images(recordings["dsync"]) as images:
        flushes = range(images.flushes // 4, images.flushes, 10)
        lost = sum("lost: number" in (images.look(flush - LOST_FLUSHES, 0, claimed=flush)[1] or "")
                   for flush in flushes)
    check(lost > len(flushes) / 2, f"{lost} losses in {len(flushes)} disks that forgot")


def test_an_image_is_made_again_by_its_numbers():
    if "fdatasync" not in recordings:
        skip("there is no recording")
    answers = []
    for _ in range(2):
        with Images(recordings["fdatasync"]) as images:
            answers.append([images.look(images.flushes * i // 10, i + 1) for i in range(10)])
    check_equal(answers[0], answers[1], "what the second making found")


if __name__ == "__main__":
    if why_not() is None:
        own_mounts()
        directory = fast_directory()
    try:
        run_tests(globals())
    finally:
        if directory is not None:
            shutil.rmtree(directory, ignore_errors=True)
