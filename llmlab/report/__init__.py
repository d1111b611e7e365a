"""Any result as text: values in, text out."""

from .money import usd, usd_cents
from .tables import TextTable

__all__ = ["TextTable", "usd", "usd_cents"]
