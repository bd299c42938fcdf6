"""`loopline doctor` with drivers of every kind: doctor_test.py LOOPLINE FAKE_LIBCUDA."""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

BINARY, FAKE_LIBRARY = os.path.abspath(sys.argv[1]), pathlib.Path(sys.argv[2]).resolve()
A100 = "NVIDIA A100-SXM4-80GB:8.0:80"


def doctor(library_directory=FAKE_LIBRARY.parent, **environment):
    """The rows that the real binary prints, by their names."""
    kept = {name: value for name, value in os.environ.items()
            if not name.startswith(("FAKE_CUDA", "CUDA_", "NVIDIA_", "CUBLAS_", "PYTORCH_"))}
    paths = [str(library_directory), *filter(None, [kept.get("LD_LIBRARY_PATH")])]
    result = subprocess.run([BINARY, "doctor"], capture_output=True, text=True,
                            env={**kept, "LD_LIBRARY_PATH": ":".join(paths), **environment})
    assert (result.returncode, result.stderr) == (0, ""), result
    return {line[:12].strip(): line[13:] for line in result.stdout.splitlines()}


class Doctor(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if doctor()["CUDA"].startswith("linked"):
            raise unittest.SkipTest("LibTorch's CUDA libraries would meet the driver of the test")

    def test_a_gpu_beside_a_cpu_build(self):
        rows = doctor(FAKE_CUDA_GPUS=A100)
        self.assertEqual(rows["GPU driver"], "supports CUDA 13.0")
        self.assertEqual(rows["GPU 0"],
                         "NVIDIA A100-SXM4-80GB, 80.0 GiB, compute capability 8.0, bf16")
        self.assertEqual(rows["CUDA"], "a GPU is here, but this build is CPU only: LOOPLINE_CUDA=1 "
                                       "scripts/loopline doctor builds the CUDA flavour")
        self.assertIn("tf32 false, deterministic true, benchmark false, attention auto",
                      rows["cuda.*"])
        self.assertEqual(rows["default"], "cpu")
        self.assertNotIn("environment", rows)

    def test_each_gpu_has_a_row_and_old_ones_no_bf16(self):
        rows = doctor(FAKE_CUDA_GPUS=A100 + ",Tesla T4:7.5:15,NVIDIA RTX 4060:8.9:8")
        self.assertEqual(rows["GPU 1"], "Tesla T4, 15.0 GiB, compute capability 7.5, no bf16 (that "
                                        "begins at 8.0): use fp32")
        self.assertEqual(rows["GPU 2"], "NVIDIA RTX 4060, 8.0 GiB, compute capability 8.9, bf16")
        self.assertNotIn("GPU 3", rows)

    def test_variables_that_overrule_a_config_are_shown(self):
        rows = doctor(FAKE_CUDA_GPUS=A100, NVIDIA_TF32_OVERRIDE="0", CUDA_VISIBLE_DEVICES="2")
        self.assertEqual(rows["environment"], "CUDA_VISIBLE_DEVICES=2 NVIDIA_TF32_OVERRIDE=0")

    def test_a_driver_too_old_for_the_cuda_flavour(self):
        rows = doctor(FAKE_CUDA_GPUS=A100, FAKE_CUDA_DRIVER="9020")
        if "; " not in rows["GPU driver"]:
            self.skipTest("this LibTorch does not say which CUDA it was built for")
        self.assertRegex(rows["GPU driver"],
                         r"^supports CUDA 9\.2; too old for the CUDA flavour, which needs 1\d\.0: "
                         r"update the driver, or build with a LibTorch for CUDA 9 ")
        self.assertIn("GPU 0", rows)

    def test_errors_have_their_names_and_the_next_step(self):
        for code, name, todo in [(35, "INSUFFICIENT_DRIVER", "install a newer NVIDIA driver"),
                                 (100, "NO_DEVICE", "nvidia-smi must list a GPU"),
                                 (802, "SYSTEM_NOT_READY", "fabricmanager"),
                                 (803, "SYSTEM_DRIVER_MISMATCH", "reboot"),
                                 (804, "COMPAT_NOT_SUPPORTED_ON_DEVICE", "cuda-compat"),
                                 (999, "UNKNOWN", "kernel module")]:
            rows = doctor(FAKE_CUDA_GPUS=A100, FAKE_CUDA_INIT=str(code))
            self.assertIn(f"; cuInit says CUDA_ERROR_{name} ({code}): ", rows["GPU driver"])
            self.assertIn(todo, rows["GPU driver"])
            self.assertNotIn("GPU 0", rows)
            self.assertTrue(rows["CUDA"].startswith("not linked; "), rows)
        rows = doctor(FAKE_CUDA_INIT="719")
        self.assertIn("cuInit says CUDA error 719: see what nvidia-smi says", rows["GPU driver"])

    def test_hidden_gpus_are_not_blamed_on_the_driver(self):
        rows = doctor(FAKE_CUDA_INIT="100", CUDA_VISIBLE_DEVICES="")
        self.assertIn('CUDA_VISIBLE_DEVICES is "": unset it', rows["GPU driver"])
        rows = doctor()
        self.assertIn("cuDeviceGetCount says CUDA_ERROR_NO_DEVICE (100)", rows["GPU driver"])

    def test_no_driver(self):
        with tempfile.TemporaryDirectory() as directory:
            broken = pathlib.Path(directory)
            (broken / "libcuda.so.1").write_text("not a library, whatever else the machine has")
            rows = doctor(broken)
            self.assertRegex(rows["GPU driver"], r"^none \(.*libcuda\.so\.1: .*\): for a GPU of "
                                                 r"NVIDIA's install its driver, or start the "
                                                 r"container with --gpus all$")
            self.assertNotIn("cuda.*", rows)

    def test_a_library_without_the_functions(self):
        with tempfile.TemporaryDirectory() as directory:
            other = next(pathlib.Path("/").glob("lib*/**/libm.so.6"), None)
            if other is None:
                self.skipTest("no library to take for libcuda")
            shutil.copy(other, pathlib.Path(directory) / "libcuda.so.1")
            rows = doctor(directory)
            self.assertEqual(rows["GPU driver"], "libcuda.so.1 has no function cuDriverGetVersion: "
                                                 "install a newer NVIDIA driver")


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0]], verbosity=2)
