"""Small files of formats that devices write, made by hand from their standards."""

import base64
import struct

import numpy as np

VALUES = np.array([[0, 100, -200, 300, 5], [1, -1, 32767, -32768, 9]])


def ishne(values=VALUES, rate=200, leads=(6, 11), nanovolts=(2500, 5000), name=b"Jane", stated=None) -> bytes:
    """An ISHNE file of leads II and V1."""
    n = values.shape[1] if stated is None else stated
    head = b"ISHNE1.0" + struct.pack("<H", 0) + struct.pack("<iiiih", 0, n, 522, 522, 1)
    head += name.ljust(40, b"\0") + b"Doe".ljust(40, b"\0") + b"4711".ljust(20, b"\0") + struct.pack("<hh", 2, 0)
    head += struct.pack("<12h", 2, 5, 1951, 1, 2, 2024, 0, 0, 0, 10, 11, 12)
    head += (
        struct.pack("<h", len(values))
        + struct.pack("<12h", *leads, *[-9] * (12 - len(leads)))
        + struct.pack("<12h", *[1] * 12)
    )
    head += struct.pack("<12h", *nanovolts, *[-9] * (12 - len(nanovolts))) + struct.pack("<h", 0) + b"\0" * 40
    head += struct.pack("<h", rate)
    return head.ljust(522, b"\0") + values.T.astype("<i2").tobytes()


def block(name: bytes, content: bytes) -> bytes:
    """A block of an AliveCor file, with its checksum."""
    whole = name + struct.pack("<I", len(content)) + content
    return whole + struct.pack("<I", sum(whole) & 0xFFFFFFFF)


def atc(values=VALUES, rate=300, nanovolts=500) -> bytes:
    """An AliveCor file of leads I and II."""
    info = b"2024-01-02T10:11:12.000+01:00".ljust(32, b"\0") + b"\0" * 232
    blocks = block(b"info", info) + block(b"fmt ", struct.pack("<BHHBH", 1, rate, nanovolts, 0, 0))
    for name, lead in zip((b"ecg ", b"ecg2"), values, strict=False):
        blocks += block(name, lead.astype("<i2").tobytes())
    return b"ALIVE\0\0\0" + struct.pack("<I", 3) + blocks


def section(number: int, content: bytes) -> bytes:
    return struct.pack("<HHIBB6s", 0, number, 16 + len(content), 20, 20, b"SCPECG" if number == 0 else b"") + content


def scp(contents: dict[int, bytes]) -> bytes:
    """An SCP file of sections by number."""
    count, place = len(contents) + 1, 7
    sizes = {0: 16 + 10 * count} | {number: 16 + len(content) for number, content in contents.items()}
    pointers = b""
    for number, size in sizes.items():
        pointers += struct.pack("<HII", number, size, place)
        place += size
    body = section(0, pointers) + b"".join(section(number, content) for number, content in contents.items())
    return struct.pack("<HI", 0, 6 + len(body)) + body


def scp_leads(n: int, codes=(1, 2), flags=0) -> bytes:
    return struct.pack("<BB", len(codes), flags) + b"".join(struct.pack("<IIB", 1, n, code) for code in codes)


def scp_block(leads: list[bytes], nanovolts=5000, microseconds=2000, differences=0, bimodal=0) -> bytes:
    head = struct.pack("<HHBB", nanovolts, microseconds, differences, bimodal)
    return head + struct.pack(f"<{len(leads)}H", *map(len, leads)) + b"".join(leads)


def huffman(values) -> bytes:
    """In the codes of the standard: short ones up to 8, and values of 8 and 16 bits behind ten ones."""
    bits = ""
    for value in map(int, values):
        if value == 0:
            bits += "0"
        elif abs(value) <= 8:
            bits += "1" * abs(value) + "0" + str(int(value < 0))
        elif -128 <= value < 128:
            bits += "1111111110" + f"{value & 0xFF:08b}"
        else:
            bits += "1111111111" + f"{value & 0xFFFF:016b}"
    return int(bits.ljust(-(-len(bits) // 8) * 8, "0") or "0", 2).to_bytes(-(-len(bits) // 8), "big")


def aecg(
    leads=(("I", VALUES[0]), ("AVR", VALUES[1])), increment="2", unit="ms", scale="2.5", of="uV", origin="0", extra=""
) -> str:
    """An HL7 annotated ECG."""
    sequences = "".join(
        f'<component><sequence><code code="MDC_ECG_LEAD_{name}"/><value xsi:type="SLIST_PQ"><origin value="{origin}" '
        f'unit="{of}"/><scale value="{scale}" unit="{of}"/><digits>{" ".join(map(str, values))}</digits></value>'
        "</sequence>"
        "</component>"
        for name, values in leads
    )
    return (
        f'<?xml version="1.0"?>{extra}<AnnotatedECG xmlns="urn:hl7-org:v3" '
        'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
        '<componentOf><x><subject><trialSubject><id extension="4711"/><subjectDemographicPerson><name><given>'
        'Jane</given> <family>Doe</family></name><birthTime value="19510502"/></subjectDemographicPerson>'
        "</trialSubject></subject></x>"
        '</componentOf><component><series><code code="RHYTHM"/><component><sequenceSet><component><sequence><code '
        'code="TIME_ABSOLUTE"/><value xsi:type="GLIST_TS"><head value="20240102101112.250-0500"/>'
        f'<increment value="{increment}" unit="{unit}"/></value></sequence></component>{sequences}</sequenceSet>'
        "</component>"
        "<derivation><derivedSeries><code code='REPRESENTATIVE_BEAT'/></derivedSeries></derivation></series>"
        "</component>"
        "</AnnotatedECG>"
    )


def words(values) -> str:
    return base64.b64encode(np.asarray(values).astype("<i2").tobytes()).decode()


def muse(values=VALUES, rate=500, exponent=0, step="4.88", unit="MICROVOLTS", data=None) -> str:
    """A MUSE export: a median beat, then the rhythm of leads I and II."""
    leads = "".join(
        f"<LeadData><LeadAmplitudeUnitsPerBit>{step}</LeadAmplitudeUnitsPerBit><LeadAmplitudeUnits>{unit}</LeadAmplitudeUnits>"
        f"<LeadID>{name}</LeadID><WaveFormData>{data or words(lead)}</WaveFormData></LeadData>"
        for name, lead in zip(("I", "II"), values, strict=True)
    )
    return (
        '<?xml version="1.0"?><!DOCTYPE RestingECG SYSTEM "restecg.dtd"><RestingECG><PatientDemographics>'
        "<PatientID>4711</PatientID><PatientLastName>Doe</PatientLastName></PatientDemographics><TestDemographics>"
        "<AcquisitionTime>10:11:12"
        "</AcquisitionTime><AcquisitionDate>01-02-2024</AcquisitionDate></TestDemographics><Waveform><WaveformType>Median"
        f"</WaveformType></Waveform><Waveform><WaveformType>Rhythm</WaveformType><SampleBase>{rate}</SampleBase>"
        f"<SampleExponent>{exponent}</SampleExponent>{leads}</Waveform></RestingECG>"
    )


def philips(data: str, attributes: str, n=5, rate=500) -> str:
    """A Philips document around packed samples."""
    return (
        '<?xml version="1.0"?><restingecgdata xmlns="http://www3.medical.philips.com"><dataacquisition '
        'date="2024-01-02" time="10:11:12"><signalcharacteristics>'
        f"<samplingrate>{rate}</samplingrate><resolution>5</resolution>"
        "</signalcharacteristics></dataacquisition><patient><generalpatientdata>"
        "<patientid>4711</patientid><name><lastname>Doe"
        "</lastname></name></generalpatientdata></patient><waveforms><parsedwaveforms dataencoding='Base64' "
        f'durationperchannel="{n * 1000 / rate:g}" {attributes}>{data}</parsedwaveforms></waveforms></restingecgdata>'
    )


def lzw(content: bytes) -> bytes:
    """Ten-bit codes, the highest bit first, the table full at 1023."""
    table = {bytes([code]): code for code in range(256)}
    codes, before = [], b""
    for byte in content:
        entry = before + bytes([byte])
        if entry in table:
            before = entry
            continue
        codes.append(table[before])
        if len(table) < 1023:
            table[entry] = len(table)
        before = bytes([byte])
    codes.append(table[before])
    bits = "".join(f"{code:010b}" for code in [*codes, 1023])
    return int(bits.ljust(-(-len(bits) // 8) * 8, "0"), 2).to_bytes(-(-len(bits) // 8), "big")


def xli(values) -> bytes:
    """A lead of a Philips document."""
    values = np.asarray(values, np.int64)
    first = int(2 * values[1] - values[0] - values[2]) if len(values) > 2 else 0
    last = [2 * values[i - 1] - values[i - 2] - values[i] for i in range(3, len(values))]
    steps = np.array([*values[:2], *(x + 64 for x in last), 0][: len(values)], np.int64).astype(np.uint16)
    packed = lzw((steps >> 8).astype(np.uint8).tobytes() + (steps & 255).astype(np.uint8).tobytes())
    return struct.pack("<ihh", len(packed), 0, first) + packed


def dicom(path, values=VALUES, rate=500.0, padding=None, bits="SS", groups=None):
    """A DICOM file of an ECG, by pydicom."""
    from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian

    def channel(name, sensitivity, baseline):
        source, unit, found = Dataset(), Dataset(), Dataset()
        source.CodeMeaning, unit.CodeValue = name, "uV"
        found.ChannelSourceSequence, found.ChannelSensitivityUnitsSequence = [source], [unit]
        found.ChannelSensitivity, found.ChannelSensitivityCorrectionFactor = str(sensitivity), "1"
        found.ChannelBaseline, found.WaveformBitsStored = str(baseline), 16
        return found

    def group(label, samples):
        made = Dataset()
        made.MultiplexGroupLabel, made.SamplingFrequency = label, str(rate)
        made.NumberOfWaveformChannels, made.NumberOfWaveformSamples = samples.shape
        made.WaveformBitsAllocated, made.WaveformSampleInterpretation = 16, bits
        made.ChannelDefinitionSequence = [channel("Lead I", 2.5, 0), channel("Lead II", 5, 10)]
        if padding is not None:
            made.WaveformPaddingValue = np.int16(padding).tobytes()
        made.WaveformData = samples.T.astype("<i2").tobytes()
        return made

    meta = FileMetaDataset()
    meta.TransferSyntaxUID, meta.MediaStorageSOPClassUID = ExplicitVRLittleEndian, "1.2.840.10008.5.1.4.1.1.9.1.1"
    meta.MediaStorageSOPInstanceUID = "1.2.3"
    data = FileDataset(str(path), {}, file_meta=meta, preamble=b"\0" * 128)
    data.PatientName, data.PatientID, data.PatientBirthDate = "Doe^Jane", "4711", "19510502"
    data.AcquisitionDateTime = "20240102101112"
    median = group("MEDIAN BEAT", values[:, :2])
    data.WaveformSequence = [median, group("RHYTHM", values)] if groups is None else groups(group)
    data.save_as(str(path))
