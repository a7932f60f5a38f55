"""A fill closes the oldest lots first; what is left of it opens a lot of the other sign. Nothing is lost.

Shares, cost and fees before equal those after, to the last digit, in every function here (strategy.md 9.2).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from analytics.exact import divided, share_of
from schemas.book import Side
from schemas.trades import Fill, Lot, Match

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """What a fill did to a queue of lots.

    kept: lots that remain of those before, oldest first. opened: the lot that the fill, or what was left of
    it, opened; None when it was used up.
    """

    kept: tuple[Lot, ...]
    matches: tuple[Match, ...]
    opened: Lot | None


def cost(lots: Sequence[Lot]) -> Decimal:
    """Sum of price times signed quantity, exact at scale 6."""
    return sum((Decimal(lot.price * lot.quantity) for lot in lots), ZERO)


def apply(lots: Sequence[Lot], fill: Fill) -> Applied:
    """Match *fill* against *lots*, oldest first, all of one sign.

    A lot's fee goes with its shares, the exit's fee with the pieces of the fill: each piece rounded down at
    scale 6, the last one takes the rest.
    """
    left, fee_left = fill.quantity, fill.fee
    direction = 1 if fill.side is Side.BUY else -1
    kept, matches = list(lots), []
    while left and kept and kept[0].quantity * direction < 0:
        lot = kept[0]
        assert lot.strategy_id == fill.strategy_id, "a strategy sells its own shares and nobody else's"
        held = abs(lot.quantity)
        m = min(left, held)
        sign = 1 if lot.quantity > 0 else -1
        fee_in = lot.fee if m == held else share_of(lot.fee, m, held)
        fee_out = fee_left if m == left else share_of(fill.fee, m, fill.quantity)
        matches.append(
            Match(
                entry_fill_id=lot.fill_id,
                exit_fill_id=fill.fill_id,
                quantity=m,
                entry_price=lot.price,
                exit_price=fill.price,
                gross=(fill.price - lot.price) * m * sign,
                fee_in=fee_in,
                fee_out=fee_out,
            )
        )
        left, fee_left = left - m, fee_left - fee_out
        rest = _smaller(lot, m, fee_in)
        kept[:1] = [rest] if rest else []
    opened = _opened(fill, left * direction, fee_left) if left else None
    assert opened is not None or fee_left == 0, "a piece of a fee went nowhere"
    return Applied(kept=tuple(kept), matches=tuple(matches), opened=opened)


def split(
    lots: Sequence[Lot], num: int, den: int, quantity_after: Decimal
) -> tuple[tuple[Lot, ...], Decimal]:
    """(*lots* on the new basis, cost that left with fractions), for *num* new shares per *den* old.

    quantity_after: shares of the position, signed, as booked. Lots are floored along their running sum, so
    that together they hold exactly that; prices become price*den/num, half-even at scale 6. The fee of a lot
    that vanishes goes to the next one.
    """
    assert num > 0, "a split has a ratio"
    assert den > 0, "a split has a ratio"
    total, sign = abs(quantity_after), 1 if lots and lots[0].quantity > 0 else -1
    running, given, fee = ZERO, ZERO, ZERO
    after: list[Lot] = []
    for i, lot in enumerate(lots):
        running += abs(lot.quantity)
        target = total if i == len(lots) - 1 else min(total, Decimal(int(running) * num // den))
        fee += lot.fee
        if target > given:
            after.append(
                lot.model_copy(
                    update={
                        "quantity": (target - given) * sign,
                        "price": divided(lot.price * den, num, 6),
                        "fee": fee,
                    }
                )
            )
            given, fee = target, ZERO
    if after and fee:
        after[-1] = after[-1].model_copy(update={"fee": after[-1].fee + fee})
    return tuple(after), cost(lots) - cost(after)


def take(lots: Sequence[Lot], shares: Decimal) -> tuple[tuple[Lot, ...], Decimal]:
    """(what is left of *lots*, cost of the *shares* that went without a fill), oldest first; their fees go along."""
    kept: list[Lot] = []
    left = shares
    for lot in lots:
        m = min(left, abs(lot.quantity))
        left -= m
        rest = _smaller(lot, m, share_of(lot.fee, m, abs(lot.quantity)))
        kept += [rest] if rest else []
    return tuple(kept), cost(lots) - cost(kept)


def _smaller(lot: Lot, m: Decimal, fee: Decimal) -> Lot | None:
    left = abs(lot.quantity) - m
    if not left:
        return None
    quantity = left if lot.quantity > 0 else -left
    return lot.model_copy(update={"quantity": quantity, "fee": lot.fee - fee})


def _opened(fill: Fill, quantity: Decimal, fee: Decimal) -> Lot:
    return Lot(
        fill_id=fill.fill_id,
        strategy_id=fill.strategy_id,
        sleeve_id=fill.sleeve_id,
        quantity=quantity,
        price=fill.price,
        fee=fee,
        opened_at=fill.executed_at,
        opened_session=fill.session_date,
    )
