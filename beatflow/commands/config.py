"""``bf config``."""

from typing import Annotated

from beatflow.commandline.declaring import Argument, Option
from beatflow.commands.options import DryRunOption, JsonOption
from beatflow.config import OPTIONS, change_setting, check_value, get_option
from beatflow.errors import UsageError
from beatflow.invocation import Invocation


def config(
    invocation: Invocation,
    key: Annotated[str | None, Argument(metavar="KEY", help="The setting.")] = None,
    value: Annotated[str | None, Argument(metavar="VALUE", help="Its new value.")] = None,
    unset: Annotated[bool, Option("--unset", help="Forget the value.")] = False,
    user: Annotated[bool, Option("--user", help="For all your repositories, not only this one.")] = False,
    dry_run: DryRunOption = False,
    json: JsonOption = False,
) -> int:
    """Show or change settings.

    Without a key, lists every setting, its value and where it comes from. Flags win over the environment, the
    environment over the repository's settings, and those over the user's.

    Examples:
      bf config
      bf config color never --user
      bf config user.name "Ada"
      bf config --unset engine
    """
    settings, ui = invocation.settings, invocation.ui
    if key is not None and (value is not None or unset):
        if value is not None and unset:
            raise UsageError("--unset takes no value")
        if dry_run:
            if value is not None:
                check_value(key, value, "command line")
            ui.emit(f"would {'forget' if unset else 'set'} {key}")
            return 0
        path = change_setting(invocation.directory, key, value, user)
        ui.say(f"{'forgot' if unset else 'set'} {key} in {path}")
        return 0
    if unset:
        raise UsageError("--unset wants a setting", hint="bf config --unset color")
    if key is not None:
        get_option(key)
    names = [key] if key else list(OPTIONS)
    if json:
        rows = [
            {"key": name, "value": settings.values.get(name), "origin": settings.origins.get(name)}
            for name in names
        ]
        ui.emit_json("beatflow.config/1", {"settings": rows})
    elif key:
        if key not in settings.values:
            return 1
        ui.emit(settings.values[key])
    else:
        ui.table(
            ["setting", "value", "from", "meaning"],
            [
                [name, settings.values.get(name), settings.origins.get(name), option.help]
                for name, option in OPTIONS.items()
            ],
            {"from": "dim", "meaning": "dim"},
        )
    return 0
