"""edgeecg export-c --name: what would hide a header or a function of what the export is compiled with is refused."""

import shutil
import subprocess
from pathlib import Path

import pytest

from edgeecg import cli, export_c
from edgeecg.errors import InputError

HEADERS = """
    assert complex ctype errno fenv float inttypes iso646 limits locale math setjmp signal stdalign stdarg
    stdatomic stdbit stdbool stdckdint stddef stdint stdio stdlib stdnoreturn string tgmath threads time uchar
    wchar wctype aio cpio dirent dlfcn fcntl fmtmsg fnmatch ftw glob grp iconv langinfo libgen libintl monetary
    mqueue ndbm netdb nl_types poll pthread pwd regex sched search semaphore spawn strings stropts syslog tar
    termios trace ulimit unistd utime utmpx wordexp vector algorithm memory cpuid immintrin arm_neon arm_acle
    unwind Arduino Wire SPI Servo HardwareSerial WString zephyr kernel device devicetree autoconf sdkconfig
    esp_log esp_timer FreeRTOS FreeRTOSConfig nvs_flash core_cm4 stm32f4xx nrf52840 pico_stdlib
""".split()
"""Of C23, POSIX, C++, compilers, Arduino, Zephyr, ESP-IDF and makers of microcontrollers."""


@pytest.mark.parametrize("change", [str, str.upper, str.title], ids=["as it is", "capitals", "first capital"])
def test_a_name_of_a_header_is_refused(change, tmp_path):
    for name in map(change, HEADERS):
        with pytest.raises(InputError, match=f"--name {name} is a name of .*: take another"):
            export_c.check_name(name, tmp_path)


@pytest.mark.parametrize("compiler", ["gcc", "clang-14", "arm-none-eabi-gcc", "riscv64-unknown-elf-gcc"])
def test_no_name_hides_a_header_of_an_installed_compiler(compiler, tmp_path):
    if shutil.which(compiler) is None:
        pytest.skip(f"needs {compiler}")
    done = subprocess.run([compiler, "-E", "-v", "-x", "c", "/dev/null"], capture_output=True, text=True, check=True)
    folders = {Path(line.strip()).resolve() for line in done.stderr.splitlines() if line.startswith(" /")}
    shared = {Path("/usr/include"), Path("/usr/include/x86_64-linux-gnu")}  # other libraries' headers lie there too
    found = {path.stem for folder in folders - shared for path in folder.glob("*.h") if path.stem.isidentifier()}
    assert len(found) > 15
    for name in found:
        with pytest.raises(InputError, match=f"--name {name} is a name"):
            export_c.check_name(name, tmp_path)


def test_other_names_are_taken(tmp_path):
    for name in ("edgeecg_model", "ecg", "heart", "my_model", "timer2", "limits_of_ecg", "Nano", "vest"):
        export_c.check_name(name, tmp_path)


def test_a_name_that_no_file_could_have_is_refused_before_anything_is_written(tmp_path):
    with pytest.raises(InputError, match="--name has 201 letters: at most 200"):
        export_c.check_name("a" * 201, tmp_path)
    assert cli.main(["export-c", str(tmp_path / "long"), "--name", "a" * 200]) == 0
    assert cli.main(["export-c", str(tmp_path / "longer"), "--name", "a" * 201]) == 2
    assert not (tmp_path / "longer").exists()
