"""scripts/check_layers on small made-up trees: each violation must be found, and only that."""

import pathlib
import subprocess
import sys
import tempfile
import unittest

CHECKER = pathlib.Path(__file__).resolve().parents[2] / "scripts" / "check_layers"
CMAKE = """
function(loopline_module name)
endfunction()
loopline_module(core LINKS spdlog::spdlog)
loopline_module(io USES core)
loopline_module(tensor USES core
  LINKS loopline_torch)  # loopline_module(ghost)
loopline_module(reward USES core tensor)
loopline_module(train USES core io tensor reward)
"""
CLEAN = {
    "CMakeLists.txt": CMAKE,
    "include/loopline/core/error.h": "#pragma once\n#include <string>\n",
    "include/loopline/io/file.h": '#pragma once\n#include "loopline/core/error.h"\n',
    "include/loopline/tensor/noise.h": "#include <ATen/core/Tensor.h>\n#include <c10/core/Device.h>\n",
    "src/core/log.cpp": '#include <spdlog/spdlog.h>\n#include "sink.h"\n',
    "src/core/sink.h": "#pragma once\n",
    "src/tensor/noise.cpp": "#include <ATen/ATen.h>\n",
    "src/reward/script.cpp": '#include <torch/script.h>\n#include "loopline/tensor/noise.h"\n',
    "src/train/loop.cpp": '#include "loopline/reward/script.h"\n',
    "src/cli/main.cpp": '#include "loopline/train/loop.h"\n',
    "tests/train/loop_test.cpp": '#include "loopline/train/loop.h"\n#include "support/files.h"\n',
    "tests/support/files.h": '#include "loopline/io/file.h"\n',
}


def run_checker(files):
    with tempfile.TemporaryDirectory() as directory:
        for name, text in files.items():
            path = pathlib.Path(directory, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        command = [sys.executable, CHECKER, "--root", directory]
        return subprocess.run(command, capture_output=True, text=True, check=False)


class CheckLayers(unittest.TestCase):
    def assert_violation(self, name, text, expected):
        result = run_checker({**CLEAN, name: text})
        self.assertEqual(result.returncode, 1, result.stdout + result.stderr)
        self.assertIn(expected, result.stdout)
        self.assertIn("1 violations", result.stdout)

    def test_clean_tree_passes(self):
        result = run_checker(CLEAN)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)

    def test_upward_include(self):
        self.assert_violation(
            "src/core/clock.cpp", '#include "loopline/io/file.h"\n', "src/core/clock.cpp:1: module"
        )

    def test_sideways_include(self):
        self.assert_violation(
            "src/reward/jpeg.cpp", '\n#include "loopline/io/file.h"\n', "src/reward/jpeg.cpp:2:"
        )

    def test_reaching_through_a_used_module_is_not_using_it(self):
        cmake = CMAKE + "loopline_module(experiment USES core train)\n"
        text = '#include "loopline/tensor/noise.h"\n'
        result = run_checker({**CLEAN, "CMakeLists.txt": cmake, "src/experiment/a.cpp": text})
        self.assertEqual(result.returncode, 1)

    def test_test_obeys_the_rules_of_its_module(self):
        self.assert_violation(
            "tests/io/file_test.cpp", '#include "loopline/tensor/noise.h"\n', "tests/io/file_test"
        )

    def test_nobody_includes_the_program(self):
        self.assert_violation("src/train/a.cpp", '#include "loopline/cli/a.h"\n', "no module")

    def test_unknown_module(self):
        self.assert_violation("src/ghost/a.cpp", "", "src/ghost/a.cpp: belongs to no module")

    def test_heavy_torch_header_in_public_header(self):
        self.assert_violation(
            "include/loopline/tensor/a.h", "#include <ATen/ATen.h>\n", "a public header includes"
        )

    def test_torch_in_torch_free_module(self):
        self.assert_violation("src/io/a.cpp", "#include <c10/core/Device.h>\n", "free of LibTorch")

    def test_torchscript_outside_its_modules(self):
        self.assert_violation("src/train/a.cpp", "#include <torch/script.h>\n", "know TorchScript")

    def test_torch_torch_h(self):
        self.assert_violation("src/reward/a.cpp", "#include <torch/torch.h>\n", "16 seconds")

    def test_logging_library_outside_core(self):
        self.assert_violation("src/io/a.cpp", "#include <spdlog/spdlog.h>\n", "of core only")

    def test_private_header_of_another_module(self):
        self.assert_violation("src/io/a.cpp", '#include "../core/sink.h"\n', "beside this one")

    def test_module_that_uses_a_later_one(self):
        self.assert_violation(
            "CMakeLists.txt", CMAKE.replace("io USES core", "io USES core reward"), "not listed"
        )

    def test_commented_include_is_none(self):
        text = '// #include "loopline/io/file.h"\n/*\n#include "loopline/io/file.h"\n*/\n'
        self.assertEqual(run_checker({**CLEAN, "src/core/a.cpp": text}).returncode, 0)


if __name__ == "__main__":
    unittest.main()
