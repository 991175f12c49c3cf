"""What was known of an order on a day, by loops over all orders."""

import math


def known(orders, mine, day):
    """Return features of order ``mine`` as of ``day``; orders are dicts, days None where not yet.

    Keys: customer, supplier, item, order, due, full (delivered in full), closed, amount, currency.
    """
    one = orders[mine]

    def same(o, name):
        return o is one or (one[name] != 0 and o[name] == one[name])  # 0 is nobody

    def due(name, since=-math.inf):
        rows = [o for o in orders if same(o, name) and since <= o["due"] < day]
        return len(rows), sum(failed(o) for o in rows)

    pair = [o for o in orders if all(same(o, n) for n in ("supplier", "customer"))]
    pair_due = [o for o in pair if o["due"] < day]
    late = [o["full"] - o["due"] for o in pair if o["full"] is not None and o["full"] > o["due"]
            and o["full"] < day]  # fmt: skip
    supplier = [o for o in orders if same(o, "supplier")]
    overdue = [o for o in supplier if o["due"] < day and failed(o)
               and not (o["closed"] is not None and max(o["closed"], o["due"]) < day)]  # fmt: skip
    n_open = sum(o["order"] < day and not (o["closed"] is not None and o["closed"] < day)
                 for o in supplier)  # fmt: skip
    year = sum(day - 365 <= o["order"] < day for o in supplier)
    earlier = [o for o in supplier if o["order"] < one["order"]]
    money = [o["amount"] for o in earlier if o["currency"] == one["currency"] and o["amount"]]
    leads = [max(o["due"] - o["order"], 1) for o in earlier]
    return {
        "supplier_n_due": due("supplier")[0],
        "supplier_failed": due("supplier")[1],
        "item_n_due": due("item")[0],
        "item_failed": due("item")[1],
        "pair_n_due": len(pair_due),
        "pair_failed": sum(failed(o) for o in pair_due),
        "pair_delay_days": sum(late) / len(late) if late else math.nan,
        "supplier_overdue": len(overdue),
        "supplier_load": n_open / max(year, 1),
        "supplier_n_open": n_open,
        "supplier_n_year": year,
        "buyer_n_due": due("customer")[0],
        "buyer_failed": due("customer")[1],
        "recent_n_due": due("supplier", day - 180)[0],
        "recent_failed": due("supplier", day - 180)[1],
        "supplier_known_days": max(day - min(o["order"] for o in supplier), 0),
        "lead_days": one["due"] - one["order"],
        "days_to_due": one["due"] - day,
        "lead_ratio": ratio(max(one["due"] - one["order"], 1), leads),
        "amount_ratio": ratio(one["amount"], money) if one["amount"] else math.nan,
    }


def failed(order):
    return order["full"] is None or order["full"] > order["due"]


def ratio(value, others):
    """Return the log of a value over the geometric mean of others."""
    if not others:
        return math.nan
    return math.log(value) - sum(map(math.log, others)) / len(others)
