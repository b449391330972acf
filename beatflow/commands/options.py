"""The options that several commands share, so that they look and read alike everywhere."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from beatflow.commandline.declaring import Argument, Option
from beatflow.errors import UsageError
from beatflow.invocation import Invocation

if TYPE_CHECKING:
    from beatflow.repository import Repository
    from beatflow.sharing.access import Access
    from beatflow.sharing.configured import Configured
    from beatflow.sharing.locks.locking import Keeping
    from beatflow.sharing.remote import Remote


def complete_revision(incomplete: str) -> list[str]:
    """Offer branches and tags to the shell."""
    from beatflow.revision.completion import complete_revision

    return complete_revision(Path.cwd(), incomplete)


def complete_word(incomplete: str) -> list[str]:
    """Offer branches, tags and files to the shell."""
    from beatflow.revision.completion import complete_word

    return complete_word(Path.cwd(), incomplete)


def complete_entry(incomplete: str) -> list[str]:
    """Offer a commit's files to the shell, as ``REV:PATH``."""
    from beatflow.revision.completion import complete_entry

    return complete_entry(Path.cwd(), incomplete)


def complete_remote(incomplete: str) -> list[str]:
    """Offer the track's remotes to the shell."""
    from beatflow.sharing.configured import complete_remote

    return complete_remote(Path.cwd(), incomplete)


def make_access(invocation: Invocation, endpoint: str | None = None) -> "Access":
    """What remotes are given of their surroundings."""
    from beatflow.sharing.access import Access

    settings = invocation.settings
    return Access(
        signer=invocation.signature,
        directory=invocation.directory,
        home=settings.home,
        environment=settings.services,
        endpoint=endpoint,
        offline=settings.offline,
        tell=invocation.ui.say,
    )


def make_keeping(
    invocation: Invocation, repository: "Repository", configured: "Configured", remote: "Remote"
) -> "Keeping":
    """A remote's locks, as whoever runs this command sees them now."""
    from beatflow.sharing.locks.locking import Keeping, name_owner

    owner = name_owner(invocation.signature())
    return Keeping(repository, configured, remote, owner, invocation.clock().time)


def parse_bpm_range(text: str | None) -> tuple[float, float] | None:
    """Read ``70..140``.

    Raises
    ------
    UsageError
        It is none.
    """
    if text is None:
        return None
    low, _, high = text.partition("..")
    try:
        bounds = float(low), float(high)
    except ValueError:
        bounds = 0.0, 0.0
    if not 0 < bounds[0] < bounds[1] < float("inf"):
        raise UsageError(f"{text!r} is not a range of tempi", hint="--bpm-range 70..140")
    return bounds


JsonOption = Annotated[bool, Option("--json", help="Write one JSON document.")]
DryRunOption = Annotated[bool, Option("--dry-run", "-n", help="Say what would be done, and do nothing.")]
ForceOption = Annotated[bool, Option("--force", "-f", help="Overwrite what is there.")]
ZeroOption = Annotated[bool, Option("-z", help="End names with NUL instead of a line end.")]
OutputOption = Annotated[
    str | None,
    Option("--output", "-o", metavar="FILE|DIR|-", help="Write here; - is standard output."),
]
FastForwardOption = Annotated[
    bool | None,
    Option("--ff/--no-ff", help="Just go forward where that is all there is to do (as usual), or never."),
]
FastForwardOnlyOption = Annotated[bool, Option("--ff-only", help="Go forward, or do nothing.")]
UnrelatedOption = Annotated[
    bool, Option("--allow-unrelated", help="Merge histories that have no commit in common.")
]
MessageOption = Annotated[str | None, Option("--message", "-m", metavar="TEXT", help="The commit's message.")]
CommitOption = Annotated[bool, Option("--commit", help="Record the result at once, with -m.")]
MainlineOption = Annotated[
    int | None,
    Option("--mainline", metavar="N", help="For a merge: the parent that its changes count from."),
]

RemoteOption = Annotated[
    str | None,
    Option("--remote", metavar="NAME", help="The remote; else what the branch follows, or origin."),
]

EngineOption = Annotated[
    str | None, Option("--engine", metavar="NAME", help="The engine; auto picks the best at hand.")
]
SeedOption = Annotated[
    int | None,
    Option("--seed", metavar="N", help="Same seed, same sound; drawn and told when not given."),
]
TempoOption = Annotated[
    float | None, Option("--tempo", "--bpm", metavar="BPM", help="Tempo in beats per minute.")
]
BpmRangeOption = Annotated[
    str | None, Option("--bpm-range", metavar="LO..HI", help="Look for the tempo in this range only.")
]
KeyOption = Annotated[str | None, Option("--key", metavar="KEY", help="Key: Am, A:min, F# minor, Bb.")]
BarsOption = Annotated[int | None, Option("--bars", metavar="N", help="Length in bars.")]
DurationOption = Annotated[
    float | None,
    Option(
        "--duration",
        metavar="SECONDS",
        help="Length in seconds; synth makes whole bars of it. With --bars it sets the tempo.",
    ),
]
MeterOption = Annotated[str | None, Option("--meter", metavar="N/N", help="4/4, 3/4 or 6/8; else 4/4.")]
LoopOption = Annotated[
    bool | None,
    Option("--loop/--no-loop", help="Have the end flow into the start without a seam, or not."),
]
LoudnessOption = Annotated[
    float | None,
    Option("--loudness", metavar="LUFS", help="Integrated loudness, such as -14; true peak below -1 dBTP."),
]
SwingOption = Annotated[
    float | None,
    Option("--swing", metavar="PERCENT", help="50 is straight, 66 a triplet, 75 the most."),
]
HumanizeOption = Annotated[
    float | None,
    Option(
        "--humanize", metavar="X", help="How loosely it is played: 0 a machine, 1 as usual, 2 twice that."
    ),
]
StructureOption = Annotated[
    str | None,
    Option("--structure", metavar="FORM", help="Sections and their bars: intro:4,verse:8,chorus:8,outro:4."),
]
TriesOption = Annotated[
    int | None,
    Option(
        "--tries",
        metavar="N",
        help="How often to try until what was asked for holds; else 3, 1 for engines that build on a grid.",
    ),
]
ToleranceOption = Annotated[
    float,
    Option("--tolerance", metavar="BPM", help="How far the measured tempo may be off."),
]
TemperatureOption = Annotated[
    float | None,
    Option("--temperature", metavar="T", help="Neural engines: above 1 bolder, below 1 tamer."),
]
TopKOption = Annotated[
    int | None,
    Option("--top-k", metavar="K", help="Neural engines: draw among the K likeliest; 0, all."),
]
TopPOption = Annotated[
    float | None,
    Option("--top-p", metavar="P", help="Neural engines: draw among the likeliest P (0 to 1) of all."),
]
GuidanceOption = Annotated[
    float | None,
    Option("--guidance", metavar="G", help="Neural engines: how closely to follow the words; 1, hardly."),
]
DeviceOption = Annotated[
    str | None,
    Option("--device", metavar="DEVICE", help="Where to compute: auto, cpu, cuda, cuda:1, mps."),
]
DtypeOption = Annotated[
    str | None,
    Option("--dtype", metavar="FORMAT", help="Number format: auto, float32, float16, bfloat16, int8."),
]
RuntimeOption = Annotated[
    str | None,
    Option("--runtime", metavar="NAME", help="MusicGen's library: auto, transformers, audiocraft."),
]
OfflineOption = Annotated[bool, Option("--offline", help="Never use the network.")]
JobsOption = Annotated[
    int | None,
    Option(
        "--jobs",
        metavar="N",
        min=1,
        help="How many to work on at once; else what this machine has cores for.",
    ),
]
MidiOption = Annotated[
    Path | None, Option("--midi", metavar="FILE", help="Write the notes to a MIDI file as well.")
]

EndpointOption = Annotated[
    str | None,
    Option("--endpoint", metavar="URL", help="Where an S3-compatible service answers: http://nas:8333."),
]

PathsArgument = Annotated[list[Path] | None, Argument(metavar="[PATH...]", help="Files and folders.")]
AudioArgument = Annotated[str, Argument(metavar="FILE|-", help="A sound file; - reads standard input.")]
