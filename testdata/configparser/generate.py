#!/usr/bin/env python3
"""Makes cfg files that are hard to read, and prints what ConfigParser reads.

    python3 generate.py -seed 1 -count 300 -named > cases.jsonl

Each line of the output is one case as JSON:

    name      what it is about
    encoding  utf-8 or latin-1: how `text` becomes the bytes of the file
    text      the file
    error     the exception that reading the file raises, or null; or "refused"
              where QM refuses what ConfigParser takes: control characters
    sections  {section: {key: {"value": text} or {"error": exception}}}, all
              that options() lists, so DEFAULT is in every section

A value that ConfigParser can't interpolate, because of a % that is neither %%
nor %(key)s or of a reference to a missing key, is given as QM reads it: that %
or that reference stands for itself (class Lenient). The same seed and count
give the same output.
"""

import argparse
import configparser
import json
import os
import random
import sys
import tempfile
import unicodedata


class Lenient(configparser.BasicInterpolation):
    """BasicInterpolation that lets stand what it can't replace."""

    def _interpolate_some(self, parser, option, accum, rest, section, map, depth):
        if depth > configparser.MAX_INTERPOLATION_DEPTH:
            raise configparser.InterpolationDepthError(option, section, rest)
        while rest:
            before, percent, rest = rest.partition("%")
            accum.append(before)
            if not percent:
                return
            found = self._KEYCRE.match("%" + rest)
            if rest.startswith("%"):
                accum.append("%")
                rest = rest[1:]
            elif found is None:
                accum.append("%")
            else:
                rest = rest[found.end() - 1:]
                value = map.get(parser.optionxform(found.group(1)))
                if value is None:
                    accum.append(found.group())
                elif "%" in value:
                    self._interpolate_some(parser, option, accum, value, section, map, depth + 1)
                else:
                    accum.append(value)


def read_values(path, encoding):
    strict = configparser.ConfigParser()
    lenient = configparser.ConfigParser(interpolation=Lenient())
    for parser in strict, lenient:
        with open(path, encoding=encoding) as file:
            parser.read_file(file)
    sections = {}
    for name in strict.sections():
        values = sections[name] = {}
        for key in strict.options(name):
            try:
                values[key] = {"value": strict.get(name, key)}
            except (configparser.InterpolationSyntaxError,
                    configparser.InterpolationMissingOptionError,
                    configparser.InterpolationDepthError):
                try:
                    values[key] = {"value": lenient.get(name, key)}
                except configparser.InterpolationDepthError as error:
                    values[key] = {"error": type(error).__name__}
    return sections


def case(name, text, encoding="utf-8"):
    result = {"name": name, "encoding": encoding, "text": text, "error": None, "sections": {}}
    if any(unicodedata.category(c) == "Cc" and c not in "\t\r\n" for c in text):
        result["error"] = "refused"
        return result
    handle, path = tempfile.mkstemp()
    try:
        with open(handle, "wb") as file:
            file.write(text.encode(encoding))
        result["sections"] = read_values(path, encoding)
    except configparser.Error as error:
        result["error"] = type(error).__name__
    finally:
        os.remove(path)
    return result


NAMED = [
    ("backquotes", "[S]\nk = `which python` x\n"),
    ("one backquote", "[S]\nk = `\n"),
    ("backquote opens", "[S]\nk = `a\nl = b`\n"),
    ("backquotes only", "[S]\nk = ``\nl = ```\n"),
    ("backquoted key", "[S]\n`k` = v\n`a`b = c\n"),
    ("three quotes", '[S]\nk = """a\nl = b"""\n'),
    ("three quotes closed", '[S]\nk = """a"""\n'),
    ("three quotes empty", '[S]\nk = """"""\nl = """\n'),
    ("quotes", "[S]\nk = \"a b\"\nl = 'a b'\nm = \"a\" b\n"),
    ("quoted key", '[S]\n"k" = v\n"""long""" = w\n\'x\' = y\n'),
    ("one quote", "[S]\nk = \"\nl = '\n"),
    ("escaped quotes", '[S]\nk = "a \\"b\\" c"\n'),
    ("backslash at the end", "[S]\nk = a \\\nl = b\n"),
    ("backslash, then indented", "[S]\nk = a \\\n  b \\\n  c\n"),
    ("backslash alone", "[S]\nk = \\\nl = \\\\\n"),
    ("backslash before a comment", "[S]\nk = a \\# b\nl = a \\; b\n"),
    ("backslash n", "[S]\nk = a\\nb\\tc\n"),
    ("equals in the value", "[S]\nk = a=b:c\nl : a=b:c\nm=a = b\n"),
    ("colon before equals", "[S]\na:b = c\nd=e : f\n"),
    ("no blanks", "[S]\nk=v\nl:w\n"),
    ("many blanks", "[S]\nk   \t =  \t v \t \n"),
    ("blanks in the key", "[S]\na b  c = v\n"),
    ("inline hash", "[S]\nk = a # b\nl = a#b\nm = # c\n"),
    ("inline semicolon", "[S]\nk = a ; b\nl = a;b\nm = ; c\n"),
    ("full comments", "# a\n; b\n[S]\n# c\n  # d\nk = v\n;e\n\t; f\n"),
    ("comment before the section", "# k = v\n\n; [T]\n[S]\nk = v\n"),
    ("comment in a value", "[S]\nk = a\n# c\n  b\n  ; d\n  e\n"),
    ("hash in a continuation", "[S]\nk = a\n  b # c\n"),
    ("blank line in a value", "[S]\nk = a\n\n  b\n\n\n  c\n\n"),
    ("blank line with blanks", "[S]\nk = a\n   \t \n  b\n"),
    ("value begins below", "[S]\nk =\n  a\n  b\n"),
    ("value begins far below", "[S]\nk =\n\n\n  a\n"),
    ("empty values", "[S]\nk =\nl=\nm :\n"),
    ("no delimiter", "[S]\nk\n"),
    ("no delimiter among others", "[S]\na = b\nk\nc = d\n"),
    ("no key", "[S]\n= v\n"),
    ("no key, colon", "[S]\n: v\n"),
    ("no section", "k = v\n"),
    ("no section, later one", "k = v\n[S]\nl = w\n"),
    ("empty file", ""),
    ("blank file", "\n \n\t\n"),
    ("comments only", "# a\n; b\n"),
    ("section only", "[S]\n"),
    ("no newline at the end", "[S]\nk = v"),
    ("section without newline", "[S]"),
    ("duplicate key", "[S]\nk = a\nk = b\n"),
    ("duplicate key, case", "[S]\nk = a\nK = b\n"),
    ("duplicate key, delimiter", "[S]\nk = a\nk : b\n"),
    ("duplicate section", "[S]\nk = a\n[S]\nl = b\n"),
    ("sections by case", "[S]\nk = a\n[s]\nk = b\n"),
    ("section twice, apart", "[S]\n[T]\n[S]\n"),
    ("key case", "[S]\nNb_Proc = 4\nSCRIPT = Echo A\n"),
    ("section with blanks", "[ S ]\nk = v\n[S]\nk = w\n"),
    ("bracket pairs", "[]\n"),
    ("bracket pairs with a delimiter", "[S]\n[] = v\n"),
    ("bracket pairs as a key before any section", "[] = v\n"),
    ("two brackets", "[a]b]\nk = v\n"),
    ("brackets nested", "[[a]]\nk = v\n"),
    ("only a closing bracket", "[]]\nk = v\n"),
    ("text behind the section", "[S] k = v\nl = w\n"),
    ("comment behind the section", "[S] # c\nk = v\n[T];d\nk = w\n"),
    ("bracket behind the section", "[S] # [c]\nk = v\n"),
    ("section that is a key", "[S]\n[k = v\n"),
    ("section with a delimiter", "[S]\n[k = v]\nl = w\n"),
    ("section unclosed", "[S\nk = v\n"),
    ("section with a dot", "[S]\nk = v\n[S.T]\nl = w\n"),
    ("section with quotes", "[\"S\"]\nk = v\n[`S`]\nk = w\n"),
    ("section with percent", "[%S]\nk = v\n"),
    ("section indented", "  [S]\n  k = v\n"),
    ("section indented below a key", "[S]\nk = v\n  [T]\nl = w\n"),
    ("section indented below a section", "[S]\n  [T]\nl = w\n"),
    ("key indented below a section", "[S]\n   k = v\n   l = w\n"),
    ("keys dedent", "[S]\n   k = v\n  l = w\n m = x\n"),
    ("keys indent", "[S]\nk = v\n l = w\n  m = x\n"),
    ("indent and back", "[S]\n  k = v\n    more\n  l = w\n more = x\n"),
    ("tab against blanks", "[S]\n        k = v\n\tl = w\n"),
    ("tab is one character", "[S]\n k = v\n\t\tl = w\n"),
    ("continuation like a key", "[S]\nk = a\n  l = b\n"),
    ("continuation like a section", "[S]\nk = a\n  [T]\n"),
    ("continuation across a section", "[S]\nk = a\n[T]\n  b = c\n"),
    ("indent below a comment", "[S]\n# c\n  k = v\n"),
    ("dash as a key", "[S]\n- = v\n"),
    ("dashes as keys", "[S]\n- = v\n-- = w\n"),
    ("hash as a key", "[S]\nk#1 = v\n#1 = w\n"),
    ("include of git", "[include]\npath = x\n"),
    ("DEFAULT", "[DEFAULT]\nk = a\nl = b\n[S]\nl = c\n"),
    ("DEFAULT below", "[S]\nl = c\n[DEFAULT]\nk = a\nl = b\n"),
    ("DEFAULT twice", "[DEFAULT]\nk = a\n[S]\n[DEFAULT]\nl = b\n"),
    ("DEFAULT twice, one key", "[DEFAULT]\nk = a\n[S]\n[DEFAULT]\nk = b\n"),
    ("DEFAULT alone", "[DEFAULT]\nk = a\n"),
    ("DEFAULT in lower case", "[default]\nk = a\n[S]\nl = b\n"),
    ("percent doubled", "[S]\nk = 100%%\nl = %%%%\nm = %%(k)s\n"),
    ("percent alone", "[S]\nk = 100%\n"),
    ("percent date", "[S]\nk = date +%Y-%m-%d\nl = %\nm = %%%\n"),
    ("percent d", "[S]\nk = out_%03d.png\n"),
    ("reference", "[S]\nk = a\nl = %(k)s b %(k)s\n"),
    ("reference by case", "[S]\nKey = a\nl = %(KEY)s\n"),
    ("reference to DEFAULT", "[DEFAULT]\nk = a\n[S]\nl = %(k)s\n"),
    ("reference from DEFAULT", "[DEFAULT]\nl = %(k)s\n[S]\nk = a\n[T]\nk = b\n"),
    ("reference onwards", "[S]\na = %(b)s\nb = %(c)s\nc = d\n"),
    ("reference missing", "[S]\nk = a %(nothing)s b\n"),
    ("reference missing, case kept", "[S]\nk = %(NoThing)s %(k2)s\nk2 = x\n"),
    ("reference to another section", "[S]\nk = %(l)s\n[T]\nl = a\n"),
    ("reference to itself", "[S]\nk = %(k)s\nl = b\n"),
    ("reference in a circle", "[S]\nk = %(l)s\nl = %(k)s\nm = n\n"),
    ("reference unclosed", "[S]\nk = %(l\nl = a\n"),
    ("reference without s", "[S]\nk = %(l)d %(l) %(l)s\nl = a\n"),
    ("reference without a name", "[S]\nk = %()s\n"),
    ("reference in a reference", "[S]\nk = %(a%(b)s)s\nb = c\n"),
    ("reference with blanks", "[S]\nk = %( a )s %(a b)s\na = 1\na b = 2\n"),
    ("reference over two lines", "[S]\nk = %(a\n  b)s\na b = 2\n"),
    ("reference to lines", "[S]\na = x%(b)s\nb =\n  c\n\n  d\n"),
    ("reference to lines with percent", "[S]\na = x %(b)s y\nb = 1\n  %%2\n  3\n"),
    ("reference to nothing", "[S]\na = x\n  %(b)s\n  y\nb =\n"),
    ("reference to nothing at the end", "[S]\na = x\n  %(b)s\nb =\n"),
    ("reference to a doubled percent", "[S]\na = %(b)s(c)s\nb = %%\nc = d\n"),
    ("percent at a line's end", "[S]\na = x %\n  % y\nb = %\n  (c)s\nc = 1\n"),
    ("reference 10 deep", "[S]\n" + "".join("a%d = %%(a%d)s\n" % (i, i + 1) for i in range(9)) + "a9 = %%\n"),
    ("reference 11 deep", "[S]\n" + "".join("a%d = %%(a%d)s\n" % (i, i + 1) for i in range(10)) + "a10 = %%\n"),
    ("reference 11 deep, plain end", "[S]\n" + "".join("a%d = %%(a%d)s\n" % (i, i + 1) for i in range(10)) + "a10 = x\n"),
    ("reference 12 deep, plain end", "[S]\n" + "".join("a%d = %%(a%d)s\n" % (i, i + 1) for i in range(11)) + "a11 = x\n"),
    ("dollar", "[S]\nk = ${l} $l $HOME\nl = a\n"),
    ("CRLF", "[S]\r\nk = a\r\nl = b\r\n"),
    ("CRLF continued", "[S]\r\nk = a\r\n  b\r\n\r\n  c\r\n"),
    ("lone CR", "[S]\rk = a\rl = b\r"),
    ("mixed line ends", "[S]\r\nk = a\rl = b\n\rm = c\r\r\n  d\n"),
    ("CR in a value", "[S]\nk = a\rb = c\n"),
    ("byte order mark", "\ufeff[S]\nk = v\n"),
    ("byte order mark before a comment", "\ufeff# c\n[S]\nk = v\n"),
    ("byte order mark alone", "\ufeff"),
    ("byte order mark inside", "[S]\n\ufeffk = v\nk = \ufeffw\n"),
    ("no-break space", "[S]\nk\u00a0=\u00a0v\u00a0\n\u00a0l = w\n"),
    ("wide blanks", "[S]\nk =\u3000a\u2003\n\u3000b\n"),
    ("line separators", "[S]\nk = a\u2028b = c\u2029d\n\u2028\nl = e\u2028\n"),
    ("zero width", "[S]\nk = \u200bv\u200b\n\u200b\u200bl = w\n\u180em = x\n"),
    ("next line", "[S]\nk = a\u0085b = c\n"),
    ("vertical tab", "[S]\nk = a\x0bb\n"),
    ("form feed", "[S]\n\x0ck = a\n"),
    ("information separator", "[S]\nk = a\x1eb\x1f\n"),
    ("NUL", "[S]\nk = a\x00b\n"),
    ("escape", "[S]\nk = \x1b[31m\n"),
    ("delete", "[S]\nk = \x7f\n"),
    ("umlauts", "[S]\nGrö\u00dfe = \u00c4\u00e4 \u20ac\n\u00c4 = x\n\u00e4b = y\n"),
    ("umlaut keys twice", "[S]\n\u00c4 = x\n\u00e4 = y\n"),
    ("Kelvin is k", "[S]\n\u212a = x\nk = y\n"),
    ("emoji", "[S]\nk = \U0001f600\n\U0001f600 = v\n"),
    ("Latin-1", "[S]\nk = Gr\u00fc\u00dfe\n\u00d6 = x\n", "latin-1"),
    ("Latin-1 no-break space", "[S]\nk =\u00a0v\u00a0\n\u00a0w\n", "latin-1"),
    ("Latin-1 control", "[S]\nk = a\u0096b\u00fc\n", "latin-1"),
    ("classic", "[QMOptions]\nscript : python3 test.py\nnb_proc : 4\ne-mail : a@b.c\ninfo : 100%% sure\n[Proc]\nSize : 50\n"),
]

PIECES = [
    "a", "b", "k", "l", "B", "x y", "=", ":", " = ", " : ", "=", " ", " ", "  ", "\t", "#", ";", " # ", " ;", "[", "]",
    "[S]", "`", "``", '"', '"""', "'", "\\", "\\", "%", "%%", "%(k)s", "%(l)s", "%(B)s", "%(", ")s", "$", ",", "-", ".",
    "/", "|", "&", "(", ")", "\u00a0", "\u00e9", "\u00c9", "\u2028", "\ufeff", "\u3000", "python3 run.py", "12",
]
ENDS = ["\n"] * 12 + ["\r\n", "\r", "\n\n", "\n \n", "\n\t\n"]


def random_line(rng):
    """One line: mostly a key with a value, which is where values differ."""
    junk = "".join(rng.choice(PIECES) for _ in range(rng.randint(0, 6)))
    kind = rng.random()
    if kind < 0.55:
        key = rng.choice(["k", "l", "B", "K", "script", "a b", "-", "c" + str(rng.randint(1, 99)), "d" + str(rng.randint(1, 99))])
        return rng.choice(["", "", "", "", " "]) + key + rng.choice(["=", ":", " = ", " : ", "\t=\t"]) + junk
    if kind < 0.75:
        return rng.choice([" ", "  ", "\t", "    "]) + junk
    if kind < 0.82:
        return rng.choice(["#", ";", " #", "\t;"]) + junk
    if kind < 0.90:
        return "[" + rng.choice(["S", "T", "DEFAULT", "s", "a]b", "U" + str(rng.randint(1, 99))]) + "]" + rng.choice(["", "", "", " ", " # x", junk])
    if kind < 0.97:
        return ""
    return junk


def random_text(rng):
    lines = [] if rng.random() < 0.03 else ["[S]"]
    lines += [random_line(rng) for _ in range(rng.randint(1, 9))]
    if rng.random() < 0.15:
        end = rng.choice(["\r\n", "\r", "\n"])
        return end.join(lines)
    return "".join(line + rng.choice(ENDS) for line in lines)


def random_cases(rng, count):
    """About two thirds of them files that ConfigParser can read."""
    made, broken = 0, 0
    while made < count:
        text = random_text(rng)
        encoding = "utf-8"
        if rng.random() < 0.1:
            # The last line makes it a file that is not UTF-8.
            text = text.encode("latin-1", "ignore").decode("latin-1") + "\n#\u00e9 \u00fc\n"
            encoding = "latin-1"
        result = case("random %d" % made, text, encoding)
        if result["error"]:
            if broken * 3 > made + 1:
                continue
            broken += 1
        made += 1
        yield result


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("-seed", type=int, default=1)
    arguments.add_argument("-count", type=int, default=300, help="how many random files")
    arguments.add_argument("-named", action="store_true", help="print the written ones first")
    given = arguments.parse_args()
    cases = [case(*named) for named in NAMED] if given.named else []
    for result in cases:
        print(json.dumps(result))
    for result in random_cases(random.Random(given.seed), given.count):
        print(json.dumps(result))
    sys.stdout.flush()


if __name__ == "__main__":
    main()
