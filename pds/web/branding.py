"""What the operator's settings change about the look of pages: a style sheet of variables.

``static/hearth.css`` draws everything with these variables. What the operator chooses is a colour
to fill with; the colour of text on it, and the shade in which it can itself be read as text, are
computed, so that no choice makes a page unreadable. Spec: oauth.md §8.2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pds.web.contrast import black_or_white, readable

if TYPE_CHECKING:
    from pds.config import Config

# The grounds of hearth.css on which coloured text is hardest to read, in each scheme.
LIGHT_GROUND = "#f1ede8"
DARK_GROUND = "#2f2925"


def stylesheet(config: Config) -> str:
    """The variables as CSS. Colours and addresses were checked when they were read."""
    colours = {
        "primary": config.primary_color,
        "error": config.error_color,
        "warning": config.warning_color,
        "info": config.info_color,
        "success": config.success_color,
    }
    light = [
        f"--{name}{part}: {value};"
        for name, fill in colours.items()
        for part, value in (
            ("", fill),
            ("-contrast", black_or_white(fill)),
            ("-text", readable(fill, LIGHT_GROUND)),
        )
    ]
    dark = [f"--{name}-text: {readable(fill, DARK_GROUND)};" for name, fill in colours.items()]
    light += _picture(config.background_light_url)
    dark += _picture(config.background_dark_url or config.background_light_url)
    return (
        f":root {{ {' '.join(light)} }}\n"
        f"@media (prefers-color-scheme: dark) {{ :root {{ {' '.join(dark)} }} }}\n"
    )


def pictures(config: Config) -> tuple[str, ...]:
    """The addresses of the operator's pictures that every page may show."""
    chosen = (config.logo_url, config.background_light_url, config.background_dark_url)
    return tuple(url for url in chosen if url)


def _picture(url: str | None) -> list[str]:
    """With a picture behind the page, what lies loose on it gets a ground to be read on."""
    return [f'--picture: url("{url}");', "--panel: var(--page);"] if url else []
