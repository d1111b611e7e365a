"""Any result as text: values in, text out."""

from .money import tokens, usd, usd_cents, usd_rate
from .tables import TextTable

__all__ = ["TextTable", "tokens", "usd", "usd_cents", "usd_rate"]
