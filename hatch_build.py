"""Compiles beatflow/native/*.c while BeatFlow is being installed. Without a C compiler it is all Python, and slower.

``python hatch_build.py`` compiles in the source tree. ``BEATFLOW_NATIVE=0`` leaves it out, ``BEATFLOW_NATIVE=1`` makes
a missing compiler an error.
"""

import os
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FOLDER = Path(__file__).parent / "beatflow" / "native"
LIBRARY = FOLDER / ("kernels" + {"win32": ".dll", "darwin": ".dylib"}.get(sys.platform, ".so"))
# Not -ffast-math, and nothing contracted: results are the same on every machine.
_FLAGS = {"win32": ["/O2", "/std:c11", "/fp:precise"]}.get(
    sys.platform,
    ["-O3", "-std=c11", "-fvisibility=hidden", "-fwrapv", "-ffp-contract=off", "-Wall", "-Wextra"],
)


def compile_kernels() -> None:
    """Compile every kernel into one shared library beside its sources, replacing what was there at once."""
    from setuptools._distutils.ccompiler import new_compiler
    from setuptools._distutils.sysconfig import customize_compiler

    compiler = new_compiler()
    customize_compiler(compiler)
    made = LIBRARY.with_name(f"{LIBRARY.name}.{os.getpid()}")
    with tempfile.TemporaryDirectory() as scratch:
        sources = [str(path) for path in sorted(FOLDER.glob("*.c"))]
        objects = compiler.compile(sources, scratch, include_dirs=[str(FOLDER)], extra_preargs=_FLAGS)
        libraries = [] if sys.platform == "win32" else ["m"]
        # No symbols but those that the sources export; told so, MSVC leaves its import library among the objects.
        compiler.link_shared_object(objects, str(made), libraries=libraries, export_symbols=[])
    made.replace(LIBRARY)


class NativeBuildHook(BuildHookInterface):  # type: ignore[misc]
    """Puts the compiled library into the wheel, or leaves it pure."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile before the wheel, or the editable install, is put together."""
        wanted = os.environ.get("BEATFLOW_NATIVE")
        if self.target_name != "wheel" or wanted == "0":
            return
        try:
            compile_kernels()
        except Exception as error:  # whatever a compiler, or its absence, may raise
            if wanted == "1":
                raise
            self.app.display_warning(
                f"BeatFlow is installed without its compiled kernels, and slower: {error}"
            )
            return
        build_data["artifacts"].append(str(LIBRARY.relative_to(Path(self.root))))
        build_data["pure_python"] = False
        # It is no module of Python's, so any Python of this platform may load it.
        platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
        build_data["tag"] = f"py3-none-{platform}"


if __name__ == "__main__":
    compile_kernels()
