"""Features of a text the way fastText documents them: strings, one hash at a time."""

SPACES = " \n\r\t\v\f\0"


def fnv(data):
    value = 2166136261
    for byte in data:
        signed = byte - 256 if byte > 127 else byte
        value = ((value ^ (signed & 0xFFFFFFFF)) * 16777619) & 0xFFFFFFFF
    return value


def words_of(text):
    for space in SPACES:
        text = text.replace(space, " ")
    return [word for word in text.split(" ") if word]


def char_ngrams(word, minn, maxn, bucket):
    letters = f"<{word}>"
    found = []
    for i in range(len(letters)):
        for n in range(max(minn, 1), maxn + 1):
            piece = letters[i : i + n]
            if len(piece) == n and not (n == 1 and i in (0, len(letters) - 1)):
                found.append(fnv(piece.encode()) % bucket)
    return found


def features(text, vocabulary, *, minn, maxn, word_ngrams, bucket):
    """Return the rows of a text: words, their n-grams, word n-grams; ``</s>`` ends every text."""
    rows, hashes = [], []
    for word in [*words_of(text), "</s>"]:
        if word.startswith("__label__"):
            continue
        if word in vocabulary:
            rows.append(vocabulary.index(word))
        if word != "</s>" and maxn > 0:
            rows += [len(vocabulary) + h for h in char_ngrams(word, minn, maxn, bucket)]
        value = fnv(word.encode())
        hashes.append(value - 2**32 if value >= 2**31 else value)
        if word == "</s>":
            break
    for i in range(len(hashes)):
        value = hashes[i] % 2**64
        for j in range(i + 1, min(i + word_ngrams, len(hashes))):
            value = (value * 116049371 + hashes[j]) % 2**64
            rows.append(len(vocabulary) + value % bucket)
    return rows
