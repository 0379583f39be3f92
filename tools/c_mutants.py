"""Small faults for C sources: one operator, constant, condition or statement changed at a time.

Made for sources that clang-format has written: an operator with a space on both sides is a binary one.
"""

import re
from dataclasses import dataclass
from pathlib import Path

BINARY = {
    "<": ["<=", ">="],
    "<=": ["<", ">"],
    ">": [">=", "<="],
    ">=": [">", "<"],
    "==": ["!="],
    "!=": ["=="],
    "&&": ["||"],
    "||": ["&&"],
    "+": ["-"],
    "-": ["+"],
    "*": ["+"],
    "/": ["*"],
    "%": ["/"],
    "<<": [">>"],
    ">>": ["<<"],
    "&": ["|"],
    "|": ["&"],
    "^": ["|"],
    "+=": ["-="],
    "-=": ["+="],
    "|=": ["&="],
    "&=": ["|="],
    "<<=": [">>="],
    ">>=": ["<<="],
}
HIDDEN = re.compile(r"/\*.*?\*/|//[^\n]*|\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'", re.S)
DIRECTIVE = re.compile(r"^[ \t]*#[ \t]*(?!define)\w+(?:\\\n|[^\n])*", re.M)
DEFINED = re.compile(r"^[ \t]*#[ \t]*define[ \t]+\w+(?:\([^)]*\))?", re.M)
OPERATOR = re.compile(r"(?<= )(" + "|".join(map(re.escape, sorted(BINARY, key=len, reverse=True))) + r")(?= )")
STEP = re.compile(r"\+\+|--")
NUMBER = re.compile(r"(?<![\w.])(0[xX][0-9a-fA-F]+|\d+)([uUlL]*)(?![\w.])")
CONDITION = re.compile(r"\b(?:if|while) \(")
STATEMENT = re.compile(
    r"^ +(?!return\b|typedef\b|const\b|static\b|extern\b|case\b|default\b)"
    r"(?:[\w.\->\[\]*()]+ (?:=|[+\-|&^*/]=|<<=|>>=) [^;{}]*|[\w.\->\[\]()*]+(?:\+\+|--)|\w+\([^;{}]*\)|break|continue);"
    r"(?= *(?:\\?\n|/\*))",
    re.M,
)
ARRAY = re.compile(r"^ +(?:const |static )*(?:\w+_t|float|double|[VWX]|__m\w+) [^;=]*?\w+\[(\d+)\](?:\[(\d+)\])?", re.M)
ROW = re.compile(r"^    \{ EE_AT_\w+, [^{}]*\},$", re.M)


@dataclass(frozen=True)
class Mutant:
    """Characters start .. end of a file replaced."""

    path: str  # below csrc/
    start: int
    end: int
    new: str
    line: int
    before: str  # the line as it is, and as it becomes
    after: str

    def apply(self, text: str) -> str:
        return text[: self.start] + self.new + text[self.end :]

    def __str__(self) -> str:
        return f"csrc/{self.path}:{self.line}: {self.before.strip()}  ->  {self.after.strip()}"


def blanked(text: str) -> str:
    """The text with comments, strings and directives as spaces; what macros stand for stays."""

    def blank(match):
        return re.sub(r"[^\n]", " ", match[0])

    for pattern in (HIDDEN, DIRECTIVE, DEFINED):
        text = pattern.sub(blank, text)
    return text


def changes(code: str):
    """(start, end, new text) of every fault."""
    for match in OPERATOR.finditer(code):
        for new in BINARY[match[1]]:
            yield match.start(1), match.end(1), new
    for match in STEP.finditer(code):
        yield match.start(), match.end(), "--" if match[0] == "++" else "++"
    lengths = {place for array in ARRAY.finditer(code) for place in (array.start(1), array.start(2))}
    for match in NUMBER.finditer(code):
        value = int(match[1], 0)
        larger = set() if match.start() in lengths else {value + 1}  # a longer array is no fault
        for other in sorted((larger | {max(value - 1, 0)}) - {value}):
            yield match.start(), match.end(), f"{other}{match[2]}"
    for match in CONDITION.finditer(code):
        close = closing(code, match.end() - 1)
        if close:
            yield match.end(), close, f"!({code[match.end() : close]})"
    for match in STATEMENT.finditer(code):
        yield match.start(), match.end(), re.match(" *", match[0])[0] + ";"
    for match in ROW.finditer(code):
        yield match.start(), match.end(), ""


def closing(code: str, at: int) -> int | None:
    """Where the parenthesis that opens at `at` closes."""
    depth = 0
    for i in range(at, len(code)):
        depth += (code[i] == "(") - (code[i] == ")")
        if depth == 0:
            return i
    return None


def mutants_of(root: Path, path: str) -> list[Mutant]:
    """All mutants of a file, in its order."""
    text = (root / path).read_text()
    found, code = [], blanked(text)
    for start, end, change in sorted(changes(code)):
        new = f"!({text[start:end]})" if change.startswith("!(") else change  # with the strings of a condition
        line = text.count("\n", 0, start)
        mutated = text[:start] + new + text[end:]
        after = mutated.splitlines()[line] if line < mutated.count("\n") else ""
        found.append(Mutant(path, start, end, new, line + 1, text.splitlines()[line], after))
    return found
