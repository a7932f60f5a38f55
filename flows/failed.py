"""A measure that failed holds nothing back, so that only being told of it brings anybody to look."""

from flows.house import House
from ledger import layout
from ledger.canonical import Malformed, parse_canonical
from ledger.seal import sessions_of
from schemas.reasons.analytics import AttributionCode as Code


def failures(house: House, book_id: str) -> list[dict[str, str]]:
    """What of the measuring failed at the book's last close that has an attribution, as rows of text."""
    for session in reversed(sessions_of(house.disk, book_id)):
        path = layout.artifact(book_id, session, "attribution")
        if house.disk.exists(path):
            try:
                told = parse_canonical(house.disk.read(path))["findings"]
            except (Malformed, KeyError) as error:
                return [
                    {
                        "session": session.isoformat(),
                        "section": "attribution.json",
                        "why": f"it cannot be read: {error}",
                    }
                ]
            return [
                {
                    "session": session.isoformat(),
                    "section": str(found["subject"]),
                    "why": str(found["detail"]),
                }
                for found in told
                if found["code"] == Code.ANALYTICS_FAILED
            ]
    return []
