"""Lookups, joins, unions and groups with loops over rows."""


def lookup(rows, other, key, take, cardinality, unmatched):
    """Return rows, as dictionaries, with ``take`` of the matches."""
    out = []
    for row in rows:
        hits = [o for o in other if row[key] not in (None, "") and o[key] == row[key]]
        if cardinality == "one" and len(hits) > 1:
            raise ValueError("several")
        if not hits and unmatched == "drop":
            continue
        out += [{**row, take: hit[take]} for hit in hits or [{take: None}]]
    return out


def lookup_asof(rows, other, within_days):
    """Return each row's latest value not after its date; a row is (key, date, ...)."""
    out = []
    for key, date in rows:
        hits = [
            (since, value)
            for k, since, value in other
            if None not in (key, date, since)
            and k == key
            and since <= date
            and (within_days is None or (date - since).days <= within_days)
        ]
        out.append(max(hits)[1] if hits else None)
    return out


def split_rows(texts, separator, empty):
    """Return (row, part, place)."""
    out = []
    for row, text in enumerate(texts):
        parts = [] if text is None else list(enumerate(text.split(separator), 1))
        kept = [(row, part, n) for n, part in parts if part or empty == "keep"]
        out += kept or [(row, None, 1)]
    return out


def group_texts(texts, groups, ranks, order, max_length):
    """Return each row's joined texts, separator ``-`` and ``+`` for more."""
    out = []
    for group in groups:
        of_text = {}
        for text, other, rank in zip(texts, groups, ranks, strict=True):
            if other == group and text:
                of_text.setdefault(text, []).append(rank)

        def place(text, of_text=of_text):
            values = sorted(r for r in of_text[text] if r is not None)
            if order == "count":
                return (-len(of_text[text]),)
            if order == "first":
                return (0, values[0]) if values else (1, 0)
            if order == "last":
                return (0, -values[-1]) if values else (1, 0)
            return (0,)

        kept, length = [], 0
        ordered = sorted(of_text, key=lambda text: (place(text), text.encode()))
        for text in ordered:
            length += len(text) + (1 if kept else 0)
            if max_length is not None and length > max_length:
                break
            kept.append(text)
        joined = "-".join(kept) + ("+" if len(kept) < len(ordered) else "")
        out.append(joined if ordered else None)
    return out
