"""Names that are hard to hold, to print and to tell apart, by chance."""

HOSTILE = [
    b"\xff\xfe\x80", b"\xc3(", b"\xe2\x82", b"\xed\xa0\x80", b"\xc0\xaf", b"\xf5\x80\x80\x80", b"\xef\xbb\xbfbom",
    b"two\nlines", b"cr\rlf\n", b"tab\there", b"\x01\x02\x7f", b"\x1b[31mred\x1b[0m", b"\x1b]0;title\x07", b"\x9b2J",
    b"\xc2\x9b2J", b"right\xe2\x80\xaeleft", b"zero\xe2\x80\x8bwidth", b"\xe2\x88\x95etc\xe2\x88\x95passwd",
    b"'; DROP TABLE files; --", b"\" OR 1=1", b"$$", b"$1", b"%s%n%x", b"%00", b"$(touch x)", b"`id`", b"; rm -rf .", b"| cat",
    b"<script>alert(1)</script>", b"&amp;", b"{\"library\":\"x\"}", b"\\x00", b"\\N", b"\\.", b"\\", b"\\t", b"a,b", b"\"",
    b"-rf", b"--", b"-", b" ", b" lead", b"trail ", b"...", b"..x", b".hidden", b"~", b"*", b"?", b"[a-z]", b"!not", b"#", b"NULL",
]
# Each group is one name to a file system that folds case or normalises.
ALIKE = [
    b"case", b"Case", b"CASE", "\u00e9t\u00e9".encode(), "e\u0301te\u0301".encode(), "\u212bng".encode(), "\u00c5ng".encode(),
    "A\u030ang".encode(), "stra\u00dfe".encode(), b"strasse", "\ufb01".encode(), b"fi", b"i", "\u0131".encode(), b"I",
]
SUFFIXES = [b".mp4", b".MP4", b".pdf", b".tar.gz", b".tmp", b".", b".mp4 ", b".mp\xff4", b""]


def some(random):
    """A name. Plain ones are few, so that what was deleted often comes back."""
    chance = random.random()
    if chance < 0.35:
        return b"%c%d" % (random.choice(b"fgd"), random.randrange(30)) + random.choice(SUFFIXES)
    if chance < 0.6:
        return random.choice(HOSTILE)
    if chance < 0.72:
        return random.choice(ALIKE)
    if chance < 0.76:
        return long(random)
    return bytes(random.choice(ANY) for _ in range(random.randint(1, 24))) + random.choice(SUFFIXES)


def long(random):
    """As long as a name may be."""
    return bytes([random.choice(b"nm\xfe")]) * 255


ANY = [byte for byte in range(1, 256) if byte != ord("/")]
