"""What really went over the wire, and when: below every library, so that none of them is charged to the model.

A `Recorder` keeps the bytes of one call as the sockets of `llmlab.stamps` saw them; `read_wire` makes tokens, usage
and endings of them, in each provider's own dialect.
"""

from .dialects import Reading
from .reading import read_wire
from .recorder import Recorder, recording

__all__ = ["Reading", "Recorder", "read_wire", "recording"]
