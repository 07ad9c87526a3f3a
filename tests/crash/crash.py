#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Crash tests (docs/crash-tests.md): real nodes on a disk whose writes and flushes are logged, and
that disk rebuilt as a crash may have left it, again and again.

Usage: crash.py BUILD_DIRECTORY [--images N] [--seed S] [--kind KIND] [--seconds N] [--boot N]
       crash.py BUILD_DIRECTORY --replay DIRECTORY FLUSH:SEED
"""
import argparse
import random
import shutil
import sys
import time
from pathlib import Path

from recording import KINDS, Images, Recording
from disk import fast_directory, own_mounts
from harness import BUILD, Skipped

IMAGES_OF_A_RECORDING = 1000
KEPT = ["start.img", "writes.log", "acks.txt", "about.json", "nodes/node1.yaml"]


class Failed(Exception):
    """A recording that went wrong, or an image that no crash should leave and how to see it."""


class Totals:
    def __init__(self):
        self.began = time.monotonic()
        self.counts = {}

    def add(self, **counts):
        for name, count in counts.items():
            self.counts[name] = self.counts.get(name, 0) + count

    def __str__(self):
        seconds = time.monotonic() - self.began
        names = ["recordings", "restarts", "recycled", "flushes", "images", "varied", "torn",
                 "dropped", "cut", "snapshots", "booted", "required"]
        counts = ", ".join(f"{self.counts.get(name, 0)} {name}" for name in names)
        rate = self.counts.get("images", 0) / max(0.001, self.counts.get("image_s", 0))
        return f"{counts}; {rate:.0f} images/s, {seconds:.0f} s"


def keep(recording):
    """Moves what an image needs to where it stays."""
    to = BUILD / "crash" / f"{time.strftime('%H%M%S')}-{recording.about['kind']}"
    (to / "nodes").mkdir(parents=True)
    for name in KEPT:
        shutil.copy(recording.directory / name, to / name)
    return to


def look_at(images, flush, seed, boot):
    """(what was found, None) or (None, what is wrong)."""
    found, wrong = images.look(flush, seed)
    if boot and not wrong:
        wrong = images.boot(found)
    return found, wrong


def check_images(recording, count, seed, boot_every, totals):
    """Looks at `count` disks, evenly over all flushes, a third of them exactly as flushed."""
    chance = random.Random(seed)
    began = time.monotonic()
    with Images(recording) as images:
        totals.add(recordings=1, flushes=images.flushes, restarts=recording.about["restarts"],
                   recycled=recording.about["status"]["segments_recycled"])
        for number in range(count):
            flush = number * images.flushes // count
            variation = 0 if number % 3 == 0 else chance.randrange(1, 1 << 32)
            boot = boot_every > 0 and number % boot_every == boot_every - 1
            found, wrong = look_at(images, flush, variation, boot)
            if wrong:
                raise Failed(f"{recording.about['kind']}, image {number} (of {count}, seed {seed}):"
                             f" {wrong}\n  again: ./dev crash --replay {keep(recording)}"
                             f" {flush}:{variation}")
            totals.add(images=1, varied=variation != 0, torn=found["torn"],
                       dropped=found["dropped"], cut=found["cut_bytes"] > 0, booted=boot,
                       required=found["required"], covered=found["covered"],
                       snapshots=found["snapshots"])
    totals.add(image_s=time.monotonic() - began)


def run(arguments):
    kinds = [arguments.kind] if arguments.kind else list(KINDS)
    recordings = max(len(kinds), -(-arguments.images // IMAGES_OF_A_RECORDING))
    totals = Totals()
    for number in range(recordings):
        count = arguments.images * (number + 1) // recordings - \
            arguments.images * number // recordings
        directory = fast_directory()
        try:
            seed = arguments.seed + number
            try:
                recording = Recording.make(directory, kinds[number % len(kinds)], seed,
                                           arguments.seconds)
            except AssertionError as what:
                raise Failed(f"{kinds[number % len(kinds)]}, recording (seed {seed}): {what}") \
                    from what
            check_images(recording, count, seed, arguments.boot, totals)
        finally:
            shutil.rmtree(directory, ignore_errors=True)
        print(f"{kinds[number % len(kinds)]}, seed {seed}: {totals}", flush=True)


def replay(directory, image):
    flush, seed = map(int, image.split(":"))
    with Images(Recording(directory)) as images:
        found, wrong = look_at(images, flush, seed, True)
    if wrong:
        raise Failed(wrong)
    print(f"no fault: {found}")


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=Path)
    parser.add_argument("--images", type=int, default=1000, metavar="N")
    parser.add_argument("--seed", type=int, default=1, metavar="S")
    parser.add_argument("--kind", choices=KINDS)
    parser.add_argument("--seconds", type=int, default=5, metavar="N", help="of each recording")
    parser.add_argument("--boot", type=int, default=20, metavar="N",
                        help="start the node on every Nth image; 0: on none")
    parser.add_argument("--replay", nargs=2, metavar=("DIRECTORY", "FLUSH:SEED"))
    arguments = parser.parse_args()
    try:
        own_mounts()
        if arguments.replay:
            replay(Path(arguments.replay[0]), arguments.replay[1])
        else:
            run(arguments)
    except Skipped as why:
        print(f"crash: {why}", file=sys.stderr)
        return 2
    except Failed as what:
        print(f"FAILED: {what}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
