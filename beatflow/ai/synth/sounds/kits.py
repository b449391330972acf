"""How each drum kit sounds, as data."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Kit:
    """How one drum kit sounds. Half-lives in seconds, frequencies in Hz, levels as factors.

    ``tune`` moves hand percussion and toms, ``snare_wires`` is how much noise the snare has beside its skin, ``shell``
    how much of the drums' wooden shells is heard; with ``swirl`` the snare is brushed, with ``taiko`` kicks and toms
    are big drums hit with wood.
    """

    kick_hz: float = 50.0
    kick_sweep: float = 4.0
    kick_sweep_s: float = 0.012
    kick_half_s: float = 0.07
    kick_drive: float = 1.4
    kick_click: float = 0.3
    snare_hz: float = 185.0
    snare_tone: float = 0.7
    snare_wires: float = 1.2
    snare_half_s: float = 0.045
    snare_noise_s: float = 0.05
    snare_low_hz: float = 900.0
    snare_gate_s: float = 0.0
    clap_half_s: float = 0.06
    hat_half_s: float = 0.014
    open_half_s: float = 0.11
    hat_low_hz: float = 6500.0
    metal: float = 0.5
    metal_tune: float = 2.4
    ride_half_s: float = 0.3
    top_hz: float = 18000.0
    tune: float = 1.0
    tom_half_s: float = 0.09
    shell: float = 0.0
    swirl: bool = False
    taiko: bool = False


KITS: Mapping[str, Kit] = {
    "dusty": Kit(
        kick_hz=54.0, kick_sweep=2.2, kick_half_s=0.055, kick_click=0.16, kick_drive=1.9, snare_hz=178.0,
        snare_tone=0.9, snare_noise_s=0.05, hat_half_s=0.012, hat_low_hz=4800.0, metal=0.3, top_hz=9500.0,
        open_half_s=0.07,
    ),
    "boombap": Kit(
        kick_hz=57.0, kick_sweep=2.8, kick_half_s=0.06, kick_click=0.35, kick_drive=2.2, snare_hz=205.0,
        snare_tone=1.0, snare_noise_s=0.06, hat_half_s=0.016, hat_low_hz=5200.0, metal=0.4, top_hz=14000.0,
    ),
    "808": Kit(
        kick_hz=46.0, kick_sweep=3.5, kick_half_s=0.07, kick_click=0.35, snare_hz=195.0, snare_tone=0.5,
        snare_noise_s=0.045, snare_low_hz=1500.0, hat_half_s=0.01, metal=0.75, metal_tune=2.6, clap_half_s=0.07,
    ),
    "909": Kit(
        kick_hz=51.0, kick_sweep=4.5, kick_sweep_s=0.014, kick_half_s=0.06, kick_click=0.45, kick_drive=2.0,
        snare_hz=200.0, snare_tone=0.55, snare_noise_s=0.055, hat_half_s=0.016, open_half_s=0.13, metal=0.45,
    ),
    "techno": Kit(
        kick_hz=50.0, kick_sweep=5.0, kick_sweep_s=0.012, kick_half_s=0.055, kick_click=0.4, kick_drive=2.6,
        snare_hz=220.0, snare_tone=0.4, snare_noise_s=0.04, hat_half_s=0.012, open_half_s=0.1, metal=0.6,
    ),
    "breaks": Kit(
        kick_hz=62.0, kick_sweep=2.6, kick_half_s=0.045, kick_click=0.5, kick_drive=2.2, snare_hz=225.0,
        snare_tone=1.0, snare_half_s=0.05, snare_noise_s=0.065, snare_low_hz=1100.0, hat_half_s=0.018, metal=0.4,
        shell=0.25,
    ),
    "gated": Kit(
        kick_hz=55.0, kick_sweep=3.2, kick_half_s=0.065, kick_click=0.5, kick_drive=1.8, snare_hz=180.0,
        snare_tone=0.8, snare_half_s=0.06, snare_noise_s=0.16, snare_low_hz=700.0, snare_gate_s=0.2, hat_half_s=0.016,
        metal=0.5, tom_half_s=0.13,
    ),
    "soft": Kit(
        kick_hz=48.0, kick_sweep=1.5, kick_half_s=0.08, kick_click=0.05, kick_drive=1.0, snare_tone=0.4,
        snare_noise_s=0.05, hat_half_s=0.02, hat_low_hz=5200.0, metal=0.15, top_hz=11000.0,
    ),
    "drill": Kit(
        kick_hz=48.0, kick_sweep=4.2, kick_half_s=0.055, kick_drive=2.2, kick_click=0.45, snare_hz=230.0,
        snare_tone=0.6, snare_noise_s=0.035, snare_low_hz=1600.0, hat_half_s=0.008, hat_low_hz=7500.0, metal=0.7,
        metal_tune=2.8, tune=1.1,
    ),
    "trap": Kit(
        kick_hz=47.0, kick_sweep=3.8, kick_half_s=0.065, kick_click=0.4, kick_drive=1.8, snare_hz=205.0,
        snare_tone=0.55, snare_noise_s=0.05, snare_low_hz=1400.0, hat_half_s=0.009, metal=0.75, metal_tune=2.6,
        clap_half_s=0.075,
    ),
    "phonk": Kit(
        kick_hz=50.0, kick_sweep=3.0, kick_half_s=0.07, kick_drive=3.0, kick_click=0.4, snare_hz=200.0, snare_tone=0.7,
        snare_noise_s=0.05, hat_half_s=0.011, metal=0.7, top_hz=12000.0,
    ),
    "rnb": Kit(
        kick_hz=50.0, kick_sweep=2.8, kick_half_s=0.06, kick_click=0.25, snare_hz=210.0, snare_tone=0.5,
        snare_noise_s=0.045, hat_half_s=0.011, metal=0.5, clap_half_s=0.07,
    ),
    "deep": Kit(
        kick_hz=49.0, kick_sweep=3.2, kick_sweep_s=0.01, kick_half_s=0.065, kick_click=0.22, kick_drive=1.5,
        snare_hz=190.0, snare_tone=0.4, snare_noise_s=0.045, hat_half_s=0.013, open_half_s=0.1, metal=0.4,
        top_hz=14000.0, clap_half_s=0.05,
    ),
    "disco": Kit(
        kick_hz=58.0, kick_sweep=2.4, kick_half_s=0.05, kick_click=0.4, kick_drive=1.8, snare_hz=195.0, snare_tone=0.8,
        snare_noise_s=0.07, hat_half_s=0.017, open_half_s=0.15, metal=0.4, shell=0.2,
    ),
    "trance": Kit(
        kick_hz=52.0, kick_sweep=6.0, kick_sweep_s=0.01, kick_half_s=0.05, kick_click=0.55, kick_drive=2.4,
        snare_hz=210.0, snare_tone=0.5, snare_noise_s=0.06, hat_half_s=0.012, open_half_s=0.12, metal=0.5,
    ),
    "garage": Kit(
        kick_hz=54.0, kick_sweep=3.0, kick_half_s=0.05, kick_click=0.4, kick_drive=1.7, snare_hz=240.0, snare_tone=0.7,
        snare_half_s=0.03, snare_noise_s=0.035, hat_half_s=0.011, metal=0.55, tune=1.15,
    ),
    "dubstep": Kit(
        kick_hz=52.0, kick_sweep=5.0, kick_half_s=0.055, kick_click=0.6, kick_drive=2.8, snare_hz=200.0,
        snare_tone=1.2, snare_half_s=0.07, snare_noise_s=0.09, snare_low_hz=700.0, hat_half_s=0.012, metal=0.6,
    ),
    "taiko": Kit(
        kick_hz=44.0, kick_sweep=0.7, kick_sweep_s=0.03, kick_half_s=0.16, kick_click=0.25, kick_drive=1.6,
        snare_hz=150.0, hat_half_s=0.02, hat_low_hz=4500.0, metal=0.3, tom_half_s=0.14, tune=0.85, shell=0.3,
        taiko=True,
    ),
    "rock": Kit(
        kick_hz=60.0, kick_sweep=2.0, kick_half_s=0.055, kick_click=0.6, kick_drive=1.8, snare_hz=190.0,
        snare_tone=1.0, snare_half_s=0.06, snare_noise_s=0.085, snare_low_hz=800.0, hat_half_s=0.022, open_half_s=0.2,
        hat_low_hz=5200.0, metal=0.35, tom_half_s=0.13, shell=0.35,
    ),
    "funk": Kit(
        kick_hz=64.0, kick_sweep=1.8, kick_half_s=0.04, kick_click=0.5, kick_drive=1.6, snare_hz=215.0, snare_tone=0.9,
        snare_half_s=0.04, snare_noise_s=0.05, hat_half_s=0.013, open_half_s=0.12, hat_low_hz=6000.0, metal=0.35,
        shell=0.3,
    ),
    "pop": Kit(
        kick_hz=55.0, kick_sweep=3.0, kick_half_s=0.055, kick_click=0.45, snare_hz=200.0, snare_tone=0.7,
        snare_noise_s=0.065, hat_half_s=0.014, metal=0.45, shell=0.15,
    ),
    "jazz": Kit(
        kick_hz=68.0, kick_sweep=0.9, kick_half_s=0.09, kick_click=0.14, kick_drive=1.0, snare_hz=210.0,
        snare_tone=0.7, snare_wires=0.9, snare_noise_s=0.06, hat_half_s=0.016, hat_low_hz=5500.0, metal=0.25,
        ride_half_s=0.45, tom_half_s=0.16, tune=1.15, shell=0.3,
    ),
    "brushes": Kit(
        kick_hz=66.0, kick_sweep=0.8, kick_half_s=0.08, kick_click=0.06, kick_drive=1.0, snare_hz=210.0,
        snare_tone=0.2, snare_wires=0.9, snare_noise_s=0.05, snare_low_hz=1300.0, hat_half_s=0.02, hat_low_hz=5500.0,
        metal=0.15, ride_half_s=0.35, top_hz=12000.0, tom_half_s=0.14, tune=1.1, swirl=True,
    ),
    "bossa": Kit(
        kick_hz=64.0, kick_sweep=0.9, kick_half_s=0.06, kick_click=0.08, kick_drive=1.0, snare_hz=210.0,
        snare_tone=0.5, snare_noise_s=0.05, hat_half_s=0.014, hat_low_hz=6000.0, metal=0.2, top_hz=14000.0,
    ),
    "dembow": Kit(
        kick_hz=54.0, kick_sweep=3.2, kick_half_s=0.05, kick_click=0.4, kick_drive=2.0, snare_hz=330.0, snare_tone=1.1,
        snare_wires=0.7, snare_half_s=0.03, snare_noise_s=0.035, snare_low_hz=1400.0, hat_half_s=0.011, metal=0.5,
    ),
    "afro": Kit(
        kick_hz=60.0, kick_sweep=1.8, kick_half_s=0.045, kick_click=0.35, kick_drive=1.4, snare_hz=230.0,
        snare_tone=0.9, snare_noise_s=0.045, hat_half_s=0.013, metal=0.3, shell=0.3, tune=1.05,
    ),
    "amapiano": Kit(
        kick_hz=50.0, kick_sweep=2.4, kick_half_s=0.05, kick_click=0.2, snare_hz=240.0, snare_tone=0.7,
        snare_noise_s=0.035, hat_half_s=0.01, hat_low_hz=7000.0, metal=0.35, tune=1.1,
    ),
    "reggae": Kit(
        kick_hz=58.0, kick_sweep=1.4, kick_half_s=0.055, kick_click=0.2, kick_drive=1.3, snare_hz=260.0,
        snare_tone=0.9, snare_wires=0.7, snare_half_s=0.035, snare_noise_s=0.04, hat_half_s=0.014, metal=0.3,
        tom_half_s=0.08, tune=1.3, shell=0.3, top_hz=13000.0,
    ),
}  # fmt: skip


def kit_of(name: str) -> Kit:
    """The kit of a name; a plain one for a name that nobody knows."""
    return KITS.get(name, KITS["909"])
