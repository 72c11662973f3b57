"""Which code strings (VR CS) are terms: of the standard's lists, of scanners' image types, or of body parts.

A code string ought to be a defined term, and most attributes of that kind have a list of them. Many lists are open ("may
be extended"), some attributes have none at all, and a person's name in capitals looks like a term. So a value stays
where every word of it is one of these: PS3.3's terms for images and the modules about them, what makers write into
ImageType and ScanOptions, and the body parts of PS3.16 annex L. Anything else goes; nothing here depends on it.
"""

from __future__ import annotations

import re
from functools import lru_cache

_WORD = re.compile(r"[A-Z0-9]+")
# M, T1, TE12, FM3A, 3D, B1000; numbers alone only short, as years and dates are not.
_SHORT = re.compile(r"[A-Z]|[A-Z]{1,2}[0-9]{1,3}[A-Z]?|[0-9]{1,2}[A-Z]{1,2}|B[0-9]{1,4}|0{0,3}[0-9]{1,3}")
_NUMBER = re.compile(r"[0-9]+")
_WHOLE = re.compile(r"ISO_[0-9]{4,5}_[0-9]{1,2}|M(AX|IN)_IP")
# Ends of axes in PatientOrientation (PS3.3 C.7.6.1.1.1): Alf is one, so only there.
_SIDES = re.compile(r"[APRLHF]{1,3}")

_GENERAL = """
    yes no none other unknown mixed auto automatic manual semiautomatic true false on off always never
    original derived primary secondary image original primary added assumed estimated measured calculated
    single multiple multi dual double partial full complete completed in progress discontinued
    verified unverified approved unapproved rejected final preliminary
    start end begin first last middle left right both unpaired bilateral unilateral midline
    anterior posterior superior inferior medial lateral dorsal ventral proximal distal cranial caudal cephalic
    supine prone decubitus erect recumbent semirecumbent sitting standing
    hfs hfp hfdr hfdl ffs ffp ffdr ffdl lfp lfs rfp rfs afdr afdl pfdr pfdl
    linear nonlinear sigmoid exact identity inverse normal reverse reversed absolute relative
    patient slide device gantry table frame volume plane planes slice slices stack position orientation index
    rectangle rectangular circle circular ellipse polygon polyline point line square
    row col column rows columns horizontal vertical portrait landscape
    forward backward step continuous static dynamic triggered gated prospective retrospective
    unmodified modified removed stripped removal
    research product service sampled distorted temporal minimum maximum median render surface monochrome pet
    biped quadruped depth angle level area
    number text code date time datetime num pname uidref composite scoord tcoord container
    """
_PIXELS = """
    monochrome1 monochrome2 palette color rgb hsv argb cmyk ybr full ict rct partial xyb
    lossless lossy iso jpeg jpeg2000 jpip 10918 14495 15444 15948 13818 14496 23008 21122 hevc
    presentation standard mapped us ss ob ow
    di df dv wsd sd si syn drw
    pixel pixels crop cropped resampled interpolated magnified spatially
    """
_MODALITIES = """
    cr ct mr nm us ot bi cd dd dg es ls pt rg st tg xa rf rtimage rtdose rtstruct rtplan rtrecord rtint hc dx mg io px gm sm
    xc pr au eps hd sr ivus op smr ar ker va srf oct len opv opm oam resp ko seg reg opt bdus bmd doc fid plan ivoct iol
    m3d stain texturemap cfm ctprotocol asmt cs cp dm ec ecg eeg em emg eog fa fs lp ma ms omm opf optbsv pos optenf
    """
_MR = """
    se ir gr ep rm sk mtc ss trss sp mp osp
    per rg cg ppg fc pff pfp fs ft
    spin echo gradient inversion recovery planar segmented steady state spoiled prepared magnetization transfer
    axial coronal sagittal oblique transverse localizer localiser scout survey mosaic
    magnitude phase real imaginary complex mag pha
    diffusion directional isotropic anisotropic tensor trace tracew bvalue perfusion asl label control
    proton density weighted dixon water fat silicone opposed opp inphase outphase only
    t2star star flair stir space bravo cube propeller blade asset sense grappa caipi fiesta ciss dess medic vibe
    flow velocity encoded compensation compensated acceleration angio angiography tof cine blood
    tagging grid suppression suppressed saturation sat excitation selective nonselective spectral spatial
    cpmg ffe tse tfe epi grase spiral radial cartesian rectilinear zigzag partial fourier parallel
    head body surface coil receive transmit volume multicoil quadrature extremity
    time delay peak mean transit arrival relative absolute rcbf rcbv cbf cbv mtt ttp tmax relcbf relcbv relmtt pbp gbp
    adc eadc exp fa colfa ra ta map maps fieldmap b1map snrmap posdisp composed retro vframe split jp2k jpls
    nd norm dis2d dis3d sh fil fm mfsplit csa csaparallel csamanipulated parallel report mpr mip mnip minip curved
    reformatted reformat projection rendering subtract subtraction sub add div average mean sum filtered gems effective
    motion corrected distortion registration registered pjn vascular edr trf fast irprep nav navigator
    uni inv den swi phasemap swim qsm bold fmri moco ref reference unspecified
    spectroscopy fluid attenuated encoded realtime gating tracking ordering scanning correction paced k traversal
    cylindrical ellipsoidal weighted frequency select combination rf and precession reversed longitudinal gel silicon
    iec level second local field db dt electric nerve stim fda mhw pils smash bmatrix fractional resonance slab read
    mra mrs quantity ratio value resonance nuclear hydrogen
    ax cor sag tra fm ph mt te tr ti nex avg
    trigger peripheral ecg respiratory pulse bellows breath hold cardiac rhythm none vcg
    water fatsat wfs hr in out of phase
    """
_OTHER_IMAGES = """
    mode axial helical sequenced constant angle stationary free cine scout biplane monoplane plane portal
    simulator blank fluence drr emission transmission whole body gated tomo recon reconstruction
    epicardial endocardial transthoracic transesophageal obstetrical gynecology abdominal abdomen small parts breast
    attenuation scatter decay uniformity uncorrected lin nrgy unif coun decy attn scat dtim mtn slr
    frequency amplitude doppler bmode
    postero pa ap ll rl lld rlo rao lao prone
    tungsten molybdenum rhodium aluminum copper
    bone soft tissue lung kernel window cw cc
    cnts dens manu ovfl time trig physical biological photon electron beam fraction
    """
_BODY = """
    abdomen abdomenpelvis acetabulum adrenal ankle anus aorta aortailiac arm armpit artery axilla back bladder bone bowel brachialplexus
    brain breast bronchus buttock calcaneus calf canal carotid cavernoussinus celiac cerebellum cerebral cerebrum cheek chest chestabdomen
    chestabdpelvis choledochus circleofwillis clavicle coccyx colon common cornea coronaryartery cranium cspine ctspine
    duodenum ear elbow entirebody esophagus extremity extremities eye eyelid face femoralartery femoralvein femur fibula finger foot forearm
    gallbladder gluteus groin hand head headneck heart hip humerus hypopharynx iac ileum iliac iliacartery jaw jejunum joint kidney knee
    larynx leg legs limb liver lowerleg lspine lsspine lung lungs lumbar mandible mastoid maxilla mediastinum mouth muscle
    nasopharynx neck neckchest neckchestabdomen neckchestabdpelv nerve nose optic orbit orbits ovary pancreas parotid patella pelvis
    penis petrous pharynx pituitary pituitarygland posteriorfossa prostate radius rectum rib ribs sacrum salivarygland scalp scalpels scapula
    sella sellaturcica shoulder sinus sinuses sijoint skull spinalcord spine spleen stomach sternum subclavian submandibular temporal testis thigh
    thorax throat thumb thymus thyroid tibia tmj toe tongue trachea trunk tspine tlspine ulna umbilical upperarm ureter
    urethra uterus vagina vein vertebra vulva wholebody wrist zygoma
    thoracic cervical sacral thoraco lumbo cervico brainstem internal auditory external carotids vessels neuro
    hypothalamus thalamus ventricle cortex frontal parietal occipital insula hippocampus meninges fossa cord
    schaedel kopf hirn gehirn wirbelsaeule hws bws lws becken knie crane cerveau encephale cabeza cerebro craneo
    """

_WORDS = frozenset(
    word.upper() for words in (_GENERAL, _PIXELS, _MODALITIES, _MR, _OTHER_IMAGES, _BODY) for word in words.split()
)


@lru_cache(maxsize=4096)
def is_term(value: str, *, sides: bool = False) -> bool:
    """Whether a code string says nothing but what the standard or a scanner says; an empty one does.

    Args:
        value: without its padding.
        sides: whether it is one of PatientOrientation's.
    """
    if _WHOLE.fullmatch(value) or (sides and _SIDES.fullmatch(value)):
        return True
    words = _WORD.findall(value)
    if sum(_NUMBER.fullmatch(word) is not None for word in words) > 1:
        return False  # a date, a telephone number
    return all(
        word in _WORDS or word.rstrip("0123456789") in _WORDS or _SHORT.fullmatch(word) is not None for word in words
    )
