"""Music whose mood somebody else told: game music from Debian packages, by the scripts that play it and by its titles.

Nothing was heard to label it. A game's own script says what it plays in battle and what in peace (naev's
``music.lua``, UFO: Alien Invasion's ``music.ufo``, 0 A.D.'s ``music.js`` and the lists of its civilisations), a title
what its composer meant. Two packages (`FITTED`) are there to fit on; the others are for telling how right it is.
"""

import subprocess
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

FOLDER = Path(tempfile.gettempdir()) / "beatflow-mood"

SITUATIONS: Mapping[str, frozenset[str]] = {
    "battle": frozenset({"energetic", "angry"}),
    "peace": frozenset({"calm", "romantic", "happy"}),
    "sad": frozenset({"sad", "melancholic"}),
    "victory": frozenset({"happy", "energetic"}),
    "love": frozenset({"romantic"}),
    "merry": frozenset({"happy"}),
}
"""Label to the moods that agree with it."""


@dataclass(frozen=True)
class Game:
    """A package with labelled music.

    Parameters
    ----------
    name, package : str
    music : str
        Files in the package.
    labels : mapping of str to str
        Label to the stems of files.
    archive : str
        A zip file in the package, where ``music`` is in that.
    all_else : str
        The label of all other files, where the game gives them one.
    """

    name: str
    package: str
    music: str
    labels: Mapping[str, str]
    archive: str = ""
    all_else: str = ""
    found: dict[str, str] = field(default_factory=dict)

    def label(self, stem: str) -> str:
        """The label of a file, empty where it has none."""
        for label, stems in self.labels.items():
            if stem in stems.split():
                return label
        return self.all_else


GAMES = (
    # snd/music.lua: choose_combat; choose_ambient (neutral and nebula) and choose_land.
    Game(
        "naev",
        "naev-data",
        "usr/share/naev/dat/snd/music/*.ogg",
        {
            "battle": "combat1 combat2 combat3 nebu_battle1 nebu_battle2 battlesomething1 battlesomething2 "
            "galacticbattle flf_battle1 collective2 blackmoor_tides",
            "peace": "ambient1 ambient2 ambient2_5 ambient3 ambient4 mission peace1 peace2 peace4 peace6 void_sensor "
            "ambiphonic terminal eureka agriculture ocean snow cosmostation upbeat",
        },
    ),
    # Titles; the others are what it plays while one builds.
    Game(
        "unknown-horizons",
        "unknown-horizons",
        "usr/share/unknown-horizons/content/audio/music/**/*.ogg",
        {"battle": "battle seafight beware_the_ships_kobold"},
        all_else="peace",
    ),
    # Titles.
    Game(
        "wesnoth",
        "wesnoth-1.16-music",
        "usr/share/games/wesnoth/1.16/data/core/music/*.ogg",
        {
            "battle": "battle battle-epic frantic frantic-old siege_of_laurelmor vengeful weight_of_revenge",
            "sad": "sad defeat defeat2 casualties_of_war the_king_is_dead the_city_falls",
            "victory": "victory victory2",
            "love": "love_theme",
            "peace": "silvan_sanctuary",
            "merry": "traveling_minstrels",
        },
    ),
    # ufos/music.ufo: aircombat, geoscape (the tactical battlescape is neither); titles.
    Game(
        "ufoai",
        "ufoai-music",
        "music/*.ogg",
        {
            "battle": "David01 David02 David03 David04 David05",
            "peace": "Crystan-Geosphere02 Crystan-Geosphere03 Crystan-Geosphere04 dbsea karlmacklin_geoscape "
            "van_geoscape",
            "sad": "Crystan-IntroSad Crystan-LooseGame",
            "victory": "Crystan-WinGame",
        },
        "usr/share/games/ufoai/base/0music.pk3",
    ),
    # Titles.
    Game(
        "flare",
        "flare-game",
        "usr/share/games/flare/mods/fantasycore/music/*.ogg",
        {"battle": "battle_theme boss_theme", "peace": "town_theme safe_room_theme"},
    ),
    # gui/common/music.js: battle, victory, defeat; simulation/data/civs/*.json: all of type peace.
    Game(
        "0ad",
        "0ad-data",
        "audio/music/*.ogg",
        {
            "battle": "Taiko_1 Taiko_2",
            "victory": "You_are_Victorious!",
            "sad": "Dried_Tears",
            "": "0_8Bit_Bonus_Track Honor_Bound An_old_Warhorse_goes_to_Pasture Calm_Before_the_Storm "
            "Juno_Protect_You Elysian_Fields Epitaph Only_300_Stood Point_of_No_Return Red_Dawn",
        },
        "usr/share/games/0ad/mods/public/public.zip",
        "peace",
    ),
)
FITTED = frozenset({"naev", "unknown-horizons"})
LEAST_BYTES = 150_000
"""Smaller files are jingles of a few seconds."""


def unpack(game: Game, packages: Path, folder: Path = FOLDER) -> list[Path]:
    """The music of a game, unpacked from ``packages/PACKAGE_*.deb`` where it is not there yet."""
    target = folder / game.name
    if not target.is_dir():
        debs = sorted(packages.glob(f"{game.package}_*.deb"))
        if not debs:
            return []
        target.mkdir(parents=True)
        with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", str(debs[-1])], stdout=subprocess.PIPE) as tar:
            wanted = game.archive or game.music.replace("**/", "")
            subprocess.run(
                ["tar", "-x", "-C", str(target), "--wildcards", f"./{wanted}"], stdin=tar.stdout, check=True
            )
        if game.archive:
            with zipfile.ZipFile(target / game.archive) as archive:
                prefix, _, _ = game.music.rpartition("*")
                archive.extractall(target, [name for name in archive.namelist() if name.startswith(prefix)])
            (target / game.archive).unlink()
    return sorted(path for path in target.glob(game.music) if path.stat().st_size >= LEAST_BYTES)
