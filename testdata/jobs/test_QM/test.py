"""Finds the pitch of some noisy tones and writes it to results.txt."""
import configparser
import os
import random
import sys
import time

sys.path.insert(0, "spike.zip")
import spike

RATE = 1024  # samples a second
LENGTH = 256  # samples a tone


def noisy_tone(hertz, noise):
    tone = spike.tone(hertz, RATE, LENGTH)
    return [sample + noise.gauss(0, 0.5) for sample in tone]


def main():
    config = configparser.ConfigParser()
    config.read("proc_config.cfg")
    size = config.getint("Proc", "Size")
    pause = float(os.environ.get("PAUSE") or config.get("Proc", "Pause"))

    noise = random.Random(1)
    with open("results.txt", "w") as results:
        for i in range(1, size + 1):
            print(f"processing {i} / {size}", flush=True)
            hertz = RATE * i / (4 * size)
            found = spike.pitch(spike.smooth(noisy_tone(hertz, noise), 3), RATE)
            print(f"{hertz:8.2f} Hz sent, {found:8.2f} Hz found", file=results)
            time.sleep(pause)


main()
