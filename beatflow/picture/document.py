"""The frame of every page of HTML that BeatFlow writes: one file that needs nothing else and forbids itself to ask.

Knows nothing of what is on it.
"""

from beatflow.picture.svg import write_colours, write_text

_FONT = 'system-ui,-apple-system,"Segoe UI",sans-serif'
_BASE = f"""
:root{{color-scheme:light dark;--shade:#0001}}
@media (prefers-color-scheme:dark){{:root{{--shade:#0006}}}}
*{{box-sizing:border-box}}
body{{margin:0;background:var(--paper);color:var(--ink);font:15px/1.5 {_FONT}}}
main{{max-width:1120px;margin:0 auto;padding:32px 20px 8px}}
header h1{{font-size:28px;font-weight:650;letter-spacing:-.015em;margin:0;overflow-wrap:anywhere}}
header p{{margin:2px 0 14px;color:var(--dim)}}
section{{background:var(--panel);border:1px solid var(--line);border-radius:14px;padding:18px 22px 20px;
margin:0 0 18px;box-shadow:0 1px 3px var(--shade)}}
svg{{display:block;width:100%;height:auto;overflow:visible}}
footer{{max-width:1120px;margin:0 auto;padding:0 22px 28px;color:var(--dim);font-size:12px}}
@media print{{section{{break-inside:avoid;box-shadow:none}}}}
"""


def write_document(
    title: str, body: str, *, style: str = "", script: str = "", footer: str, media: bool = False
) -> bytes:
    """Return a page.

    Parameters
    ----------
    title : str
        Plain text.
    body : str
        HTML.
    style, script : str
        What it adds to the looks that all pages share; the colours are variables: `colour.DARK` has their names.
    footer : str
        Plain text.
    media : bool
        It has pictures and sounds inside.
    """
    policy = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
    policy += "; img-src data:; media-src data:" if media else ""
    page = (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{write_text(title)}</title>\n<style>{write_colours(None)}{_BASE}{style}</style>\n</head>\n<body>\n"
        f"<main>\n{body}</main>\n<footer>{write_text(footer)}</footer>\n"
        f"<script>{script}</script>\n</body>\n</html>\n"
    )
    return page.encode("utf-8", "backslashreplace")
