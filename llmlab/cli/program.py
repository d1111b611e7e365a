"""How the program as a whole ends: what went wrong becomes one line on standard error and an exit status."""

from __future__ import annotations

import os
import sys
from typing import Any, NoReturn

import click

from ..errors import LlmlabError


class Program(click.Group):
    """Says what went wrong in one line on standard error, where click would add its usage text."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        try:
            super().main(*args, **kwargs | {"standalone_mode": False})
        except click.exceptions.NoArgsIsHelpError as e:
            e.show()
        except click.ClickException as e:
            _stop(e.format_message(), e.exit_code)
        except LlmlabError as e:
            _stop(str(e), 1)
        except (click.Abort, KeyboardInterrupt):
            _stop("stopped", 130)
        except BrokenPipeError:  # `llmlab estimate | head`
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)


def _stop(message: str, status: int) -> NoReturn:
    click.echo(f"llmlab: {' '.join(message.split())}", err=True)
    sys.exit(status)
