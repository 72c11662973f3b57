"""Which words of a free text are harmless: those that name a sequence, a plane, a body part, an agent or a scanner.

An allow-list, because no list of names is ever complete. Numbers are never kept by themselves: they are
dates of birth, telephone and ward numbers as often as millimetres.
"""

from __future__ import annotations

import re

# Whole words of any alphabet, so that no harmless one is cut out of a longer one.
_TOKEN = re.compile(r"\+?[^\W_]+\*?")

_WORDS = frozenset(
    """
    flair tirm stir space cube vista darkfluid dark fluid tse fse se tfe ffe gre ir spgr fspgr mprage mp rage bravo
    vibe tfl fl spc spcir tir ciss fiesta propeller blade haste hr hires iso isotropic dixon inphase outphase
    t1 t1w t1wi st1w t2 t2w t2wi st2w t2* t2star pd pdw pdwi swi swan dwi dti adc diff diffusion trace fa ep epi epi2d
    b0 perf perfusion dsc dce asl bold fmri rest resting tof mra mrv angio spectroscopy svs csi qsm map
    cbf cbv rcbv mtt ttp tmax eadc phase magnitude real imaginary mag pha sub subtraction
    pre post gd gad gadolinium gado contrast kontrast km ce +c +gd +km with without native nativ c
    ax axial tra transversal transverse cor coronal sag sagittal obl oblique 2d 3d 4d
    fs fatsat fat sat spair spir we water supp suppressed
    brain head neck cranium cranial cerebrum cerebral cerebellum skull schaedel kopf hirn neuro pituitary sella orbit orbits
    iac spine cervical brainlab navigation navi stealth neuronav tumor tumour
    mr mri mrt irm nmr localizer localiser scout survey loc aahead 3plane plane reformat mpr mip minip
    derived original primary secondary recon reconstruction average mean minimum maximum intensity projection
    gadovist gadobutrol dotarem gadoterate clariscan magnevist gadopentetate multihance gadobenate prohance
    gadoteridol omniscan gadodiamide elucirem gadopiclenol vueway primovist
    syngo coil birdcage array channel quad sense grappa caipi
    """.split()  # noqa: SIM905 - four hundred quotation marks would not read better
)
# Makers and models are surnames and forenames as well: they stay only where a machine is named.
_MACHINES = frozenset(
    """
    siemens healthineers healthcare ge medical systems philips toshiba canon hitachi fujifilm united imaging bruker esaote
    skyra prisma vida aera avanto verio trio espree symphony sonata magnetom biograph lumina altea sola terra
    signa discovery optima genesis artist architect premier pioneer achieva ingenia intera panorama elition ambition
    vantage titan galan orian echelon umr
    """.split()  # noqa: SIM905
)
# Scanner-made tokens: *tse2d1_17, fl3d1_ns, tir2d1rr16; b-values; slice thickness.
_MADE = re.compile(
    r"(se|tse|fse|fl|tfl|tir|gr|ep|ir|qtse|spc|spcr|spcir|swi|h)[23]d\d{0,2}(rr\d{1,2}|t\d{1,2})?|b\d{1,4}|\d{1,2}mm",
    re.IGNORECASE,
)

# Code strings are the standard's own terms; what does not look like one is somebody's text.
CODE_STRING = re.compile(r"[A-Z0-9 _]{0,16}")
# Schemes whose codes mean the same everywhere; anything else is a hospital's own.
CODING_SCHEMES = frozenset({"DCM", "SCT", "SRT", "SNM3", "99SDM", "UCUM", "RADLEX", "FMA", "NEU", "UMLS"})
CODE_VALUE = re.compile(r"(?=[^0-9]*[0-9])[A-Z0-9.-]{1,16}")
UNITS = frozenset({"1", "mm", "mm2", "mm3", "ml", "cm", "cm2", "cm3", "ms", "s", "%", "deg", "mm2/s", "s/mm2"})


def harmless(text: str, *, machine: bool = False) -> str:
    """A free text without every word that is not known to be harmless.

    Parameters
    ----------
    text : str
        Whatever somebody wrote.
    machine : bool
        Whether the text names a scanner: makers and models stay then.

    Returns
    -------
    str
        The words that are left, in their order and spelling, with one space between; often empty.
    """
    known = _MACHINES | _WORDS if machine else _WORDS
    kept = [token for token in _TOKEN.findall(text[:1024]) if token.lower() in known or _MADE.fullmatch(token)]
    return " ".join(kept)
