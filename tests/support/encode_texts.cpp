// Encodes texts by CLIP's tokenizer: encode_texts VOCAB MERGES BOS EOS PAD LENGTH <texts >ids
//
// Standard input has a JSON text a line, standard output a JSON list of ids a line.

#include <cstdio>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>

#include "loopline/core/error.h"
#include "loopline/io/tokenizer.h"

int main(int argc, char** argv) {
  if (argc != 7) {
    std::fprintf(stderr, "usage: encode_texts VOCAB MERGES BOS EOS PAD LENGTH <texts >ids\n");
    return 2;
  }
  try {
    const auto tokenizer = loopline::io::load_tokenizer({.kind = "clip_bpe",
                                                         .file = {},
                                                         .vocab = argv[1],
                                                         .merges = argv[2],
                                                         .bos_id = std::stoll(argv[3]),
                                                         .eos_id = std::stoll(argv[4]),
                                                         .length = std::stoll(argv[6]),
                                                         .pad_id = std::stoll(argv[5])});
    for (std::string line; std::getline(std::cin, line);) {
      const auto text = nlohmann::json::parse(line).get<std::string>();
      std::cout << nlohmann::json(tokenizer->encode(text)).dump() << '\n';
    }
  } catch (const loopline::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
  return 0;
}
