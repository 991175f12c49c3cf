"""The part of some payments without a long pause, by lists."""


def part(days, gap):
    """Return the first place and the size of the part that a schedule is looked for in."""
    n = len(days)
    most = 2 * n + 1.5 if n < 6 else 4 * n
    if n < 2 or gap <= 0 or (days[-1] - days[0]) / gap + 1 < 0.97 * most:
        return 0, n
    begins = [0] + [i for i in range(1, n) if days[i] - days[i - 1] > 6 * gap]
    parts = [(stop - begin, begin) for begin, stop in zip(begins, [*begins[1:], n], strict=True)]
    size, begin = max(parts)
    return (begin, size) if size >= max(4, n / 4) else (0, n)
