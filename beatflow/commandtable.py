"""Which commands there are, in which groups, and what exit codes mean. Data only; imports nothing."""

COMMANDS: dict[str, tuple[str, str, str]] = {
    "init": ("start", "beatflow.commands.init:init", "Start a track: make a repository in a folder."),
    "clone": (
        "start",
        "beatflow.commands.clone:clone",
        "Make a track of what is somewhere else: a folder, another track, a bucket, a git host.",
    ),
    "fork": ("start", "beatflow.commands.fork:fork", "Start a new track from a commit of another one."),
    "import": ("start", "beatflow.commands.import_:import_", "Make a history of a folder of versions."),
    "config": ("start", "beatflow.commands.config:config", "Show or change settings."),
    "doctor": (
        "start",
        "beatflow.commands.doctor:doctor",
        "Look at this machine: what runs here, what falls back, and what mends each gap.",
    ),
    "status": ("keep", "beatflow.commands.status:status", "Show what changed since the last commit."),
    "commit": ("keep", "beatflow.commands.commit:commit", "Keep the folder as it is now."),
    "log": (
        "keep",
        "beatflow.commands.log:log",
        "Show the commits, newest first, how each sounds and what it changed.",
    ),
    "show": (
        "keep",
        "beatflow.commands.show:show",
        "Show one commit: how it sounds and what it changed; or one file as it was in a commit.",
    ),
    "diff": (
        "keep",
        "beatflow.commands.diff:diff",
        "Say what became of each sound, from nothing but its samples.",
    ),
    "branch": ("keep", "beatflow.commands.branch:branch", "List, make, rename or delete branches."),
    "switch": ("keep", "beatflow.commands.switch:switch", "Go to another branch."),
    "tag": (
        "keep",
        "beatflow.commands.tag:tag",
        "List, make or delete tags: names that stay where they are.",
    ),
    "blame": (
        "keep",
        "beatflow.commands.blame:blame",
        "Show which commit each stretch of a sound comes from.",
    ),
    "bisect": ("keep", "beatflow.commands.bisect:bisect", "Find the commit that a fault came in with."),
    "merge": ("keep", "beatflow.commands.merge:merge", "Put another line of work together with this one."),
    "resolve": (
        "keep",
        "beatflow.commands.resolve:resolve",
        "Decide what a merge left in conflict, or list it.",
    ),
    "cherry-pick": (
        "keep",
        "beatflow.commands.picking:cherry_pick",
        "Do here what commits of another line of work did.",
    ),
    "revert": (
        "keep",
        "beatflow.commands.picking:revert",
        "Take back what some earlier commits did, in new commits.",
    ),
    "restore": ("keep", "beatflow.commands.restore:restore", "Bring files back as they were in a commit."),
    "rm": (
        "keep",
        "beatflow.commands.rm:rm",
        "Delete files from the folder, also those that were left elsewhere.",
    ),
    "undo": ("keep", "beatflow.commands.undo:undo", "Take back the last change."),
    "redo": ("keep", "beatflow.commands.redo:redo", "Do again what bf undo took back."),
    "op": ("keep", "beatflow.commands.op:op", "Show what was done to the track, command by command."),
    "watch": (
        "keep",
        "beatflow.commands.watch:watch",
        "Make drafts while other programs write into the folder.",
    ),
    "cat": (
        "keep",
        "beatflow.commands.cat:cat",
        "Write a file of any commit to standard output, byte for byte.",
    ),
    "ls": ("keep", "beatflow.commands.ls:ls", "List the files of a commit, with size and id."),
    "generate": ("make", "beatflow.commands.generate:generate", "Make music from words."),
    "hum": ("make", "beatflow.commands.hum:hum", "Turn a hum into notes, and into music around them."),
    "extend": (
        "make",
        "beatflow.commands.extend:extend",
        "Continue a piece: what is there stays as it is, and more follows.",
    ),
    "split": (
        "make",
        "beatflow.commands.split:split",
        "Split mixes into stems that sum to them, sample for sample.",
    ),
    "remix": (
        "make",
        "beatflow.commands.remix:remix",
        "Make another sound of a sound: tempo, pitch, key, effects, another genre.",
    ),
    "mix": (
        "make",
        "beatflow.commands.mix:mix",
        "Render the mix of track.toml, moving faders on the way.",
    ),
    "loop": (
        "make",
        "beatflow.commands.loop:loop",
        "Find seamless loops in any music, and cut them.",
    ),
    "models": (
        "make",
        "beatflow.commands.models:models",
        "Fetch, check and remove the weights of the neural engines.",
    ),
    "analyze": (
        "make",
        "beatflow.commands.analyze:analyze",
        "Measure tempo, bars, key, form, loudness, stereo and faults.",
    ),
    "mood": (
        "make",
        "beatflow.commands.mood:mood",
        "Tell the mood of music: seven scores that sum to 1, valence, arousal, and the cues behind them.",
    ),
    "reproduce": (
        "make",
        "beatflow.commands.reproduce:reproduce",
        "Make a sound again from its record, and prove that it is the same.",
    ),
    "play": ("listen", "beatflow.commands.play:play", "Listen to a sound, of any version."),
    "ab": (
        "listen",
        "beatflow.commands.ab:ab",
        "Compare two sounds by ear: equally loud, in step, blind if wanted.",
    ),
    "plot": (
        "listen",
        "beatflow.commands.plot:plot",
        "Draw sounds: waveform, spectrum, harmony, loudness, beats, mood, stems, versions.",
    ),
    "preview": (
        "listen",
        "beatflow.commands.preview:preview",
        "Make a short, tagged MP3 or Opus of a sound, to hand around.",
    ),
    "library": (
        "find",
        "beatflow.commands.library:library",
        "Know every sound of all tracks on this machine: latest, liked, played, made how, and found by words.",
    ),
    "find": (
        "find",
        "beatflow.commands.find:find",
        "Find sounds in any version: by figures and words, by likeness, by tune, by a sample in them.",
    ),
    "license": (
        "find",
        "beatflow.commands.license:license",
        "Say what may be sold, what is in the way, and how to clear it.",
    ),
    "lock": (
        "share",
        "beatflow.commands.lock:lock",
        "Tell everybody that files are yours to change for now, or list who has which.",
    ),
    "unlock": (
        "share",
        "beatflow.commands.unlock:unlock",
        "Give up locks, so that others can push their changes to those files.",
    ),
    "export": (
        "share",
        "beatflow.commands.export:export",
        "Write a commit out for other programs: projects, tagged files, an archive.",
    ),
    "remote": (
        "share",
        "beatflow.commands.remote:remote",
        "List, add and remove the places that a track is shared with.",
    ),
    "push": (
        "share",
        "beatflow.commands.push:push",
        "Give a remote what is new here: sounds first, then history, then its branches.",
    ),
    "pull": (
        "share",
        "beatflow.commands.pull:pull",
        "Fetch what is new at a remote and merge it into this branch.",
    ),
    "fetch": (
        "share",
        "beatflow.commands.fetch:fetch",
        "Bring what is new at a remote, without touching any branch or file of yours.",
    ),
    "ls-remote": (
        "share",
        "beatflow.commands.ls_remote:ls_remote",
        "List the branches and tags that are at a remote now.",
    ),
    "lfs-agent": (
        "share",
        "beatflow.commands.lfs_agent:lfs_agent",
        "Let a plain git-lfs keep its files in this track's audio store.",
    ),
    "check": ("care", "beatflow.commands.check:check", "Check that all of a track can be read, and mend it."),
    "verify": (
        "care",
        "beatflow.commands.verify:verify",
        "Prove that sounds keep what was promised, or that stems sum to their mix.",
    ),
    "du": ("care", "beatflow.commands.du:du", "Show where the bytes of a track are, and what is saved."),
    "prune": (
        "care",
        "beatflow.commands.prune:prune",
        "Free space: drop older sounds here that a remote has.",
    ),
    "gc": ("care", "beatflow.commands.gc:gc", "Pack the audio store tightly and drop what nothing reaches."),
}
"""Command to its group, its function or `Group`, and its one-line help.

The order is that of ``bf --help``. The help is the first line of the function's docstring."""

READERS = ("verify",)
"""Commands of other groups that read sounds from the folder; those that make and play sound all do."""

CONTENT_WITH_LESS = ("plot", "play")
"""Commands of those that take the small copy of a sound that was left elsewhere, and ask for the sound without one."""

GROUPS = {
    "start": "Start", "keep": "Keep", "make": "Make", "listen": "Listen", "find": "Find", "share": "Share",
    "care": "Care",
}  # fmt: skip

EXIT_CODES = {
    0: "done",
    1: "no, different, or some items failed",
    2: "the command line makes no sense",
    3: "not a repository, or no such revision or path",
    4: "conflict, or something would be overwritten",
    5: "an engine, model or optional package is missing",
    6: "out of memory",
    7: "damaged data",
    8: "a result does not keep what was promised",
    9: "another process is changing the repository",
    70: "a bug in BeatFlow",
    130: "interrupted",
}
