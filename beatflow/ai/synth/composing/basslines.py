"""Bass figures by style, as data: sixteenths of one 4/4 bar, or of two.

``r`` root, ``t`` third, ``f`` fifth, ``d`` the fifth below, ``x`` sixth, ``s`` seventh, ``o`` octave, ``a`` the step
that leads to the next chord, ``g`` a ghost of the root; capitals are accents, ``-`` holds on, ``.`` rests.
"""

from collections.abc import Mapping

FIGURES: Mapping[str, tuple[str, ...]] = {
    "riff": ("R-.r--f-o-....t-", "R-.r..t--.f-o--.", "R---...rf-.o-.ra", "R-r..rf-..f-.or-"),
    "dembow": ("R--r..r-R--r..r-", "R-----r-R--r..f-", "R--r..o-R--r..f-"),
    "tresillo": ("R--r--r-R--r--f-", "R--r--o-..r-r-f-", "R--f--r-R--f--o-"),
    "bossa": ("R-----d-D-----r-", "R-----f-F-----a-", "R-----d-D---d-r-"),
    "slap": ("R..o..rgr.o.g.ao", "R.go..r.g.o.r.a.", "R..rg.o.r.og.sa.", "R.o.g.r.g..o.fra"),
    "funk": ("R..r.g.ro..s.fa.", "R.rg..s.r..g.fra", "R...r.sr..f.s.a."),
    "roots": ("R-r-r-r-r-r-r-r-", "R-r-r-r-R-r-r-f-", "R---r-r-R-r-r-r-"),
    "shuffle": ("R-r-t-t-f-f-x-x-", "R-..t-..f-..x-t-", "R-r-t-t-f-x-s-x-"),
    "one drop": ("..r-t-f-R---f-r-", "R--r--f-....r-t-", "R-----..r-f-o---", "....r-r-F---t-r-"),
    "log": ("R.....r...r-r.o-", "R...r..o..r..f-.", "R--...r-..o..rr-", "R..r..o-....r.o-"),
    "ostinato": ("R-r-r-r-R-r-r-r-", "R-..r-r-R-..r-f-", "R--r--r-R--r--r-"),
    "afro": (
        "R--r..o-..s-r..." "R--r..f-..r-s-o-", "R-.r..s.r-.r..f." "R-.r..s.o-.s..f.",
        "R.r...f-s..r...." "R.r...f-o..s.fa.",
    ),
    "deep": ("R--.r-.o..r-..f-", "R-.r..o-..r..s.o", "R---..o-.r-...f-"),
    "garage": ("R..o...r..r-..o.", "R-...o-.R-...f-o", "R--...o...f-..ra"),
}  # fmt: skip
