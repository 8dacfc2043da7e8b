#include "millrace/apps/millrace/front/commands/pack.h"

#include <CLI/CLI.hpp>

#include "millrace/apps/millrace/front/commands/number_checks.h"

namespace millrace::apps::commands {
namespace {

void require_places(const Pack& pack) {
  if (pack.verify && !pack.output.empty())
    throw CLI::ValidationError("--verify reads shards and writes none; leave " + pack.output + " away");
  if (!pack.verify && pack.output.empty())
    throw CLI::ValidationError("a folder for the shards is required behind " + pack.input);
}

}  // namespace

void Pack::declare(CLI::App& command) {
  command
      .add_option("input", input,
                  "a folder with pictures, with or without one a class, a list (.csv, .jsonl, .txt), or tar shards: a "
                  "file, a pattern or a folder of them")
      ->required()
      ->type_name("INPUT");
  command.add_option("output", output, "the folder of the shards, which is made where it is not there")
      ->type_name("FOLDER");
  command.add_option("--split", split, "parts with shards of their own, and their shares, such as train=0.9,test=0.1")
      ->type_name("NAME=SHARE,...");
  command.add_option("--order", order, "mixed, so that each shard has some of all; or source, as they come")
      ->type_name("ORDER")
      ->check(CLI::IsMember({kMixed, kSource}));
  command.add_option("--seed", seed, "decides what is mixed and what is in which part; 0")->type_name("NUMBER");
  command.add_option("--shard-bytes", shard_bytes, "the most bytes of a shard, 500MB; also in KB, MB and GB")
      ->type_name("BYTES")
      ->transform(CLI::AsSizeValue(true))
      ->check(above_zero());
  command.add_option("--shard-samples", shard_samples, "the most samples of a shard, 100000")
      ->type_name("COUNT")
      ->check(count());
  command
      .add_option("--columns", columns,
                  "what a list's columns are called where not path and label, such as image=file,label=class; also "
                  "boxes, mask, root, and label_type=number")
      ->type_name("KEY=NAME,...");
  command
      .add_option("--resize", resize,
                  "make pictures that are larger smaller, as JPEGs: 256 for the shorter side, 480x640 for a box of "
                  "height and width")
      ->type_name("SIZE");
  command.add_option("--quality", quality, "of these JPEGs, 1 to 100; left out: 90")
      ->type_name("NUMBER")
      ->check(count(100));
  command.add_option("--workers", workers, "processes that write a shard each; left out: one a processor")
      ->type_name("COUNT")
      ->check(count());
  command.add_flag("--skip-broken", skip_broken, "leave out samples that cannot be read");
  command.add_flag("--overwrite", overwrite, "replace shards that are there and have other samples");
  command.add_flag("--verify", verify, "compare the shards at INPUT with the sums in their indexes");
  command.add_flag("--json", json, "print one line of JSON in place of the summary");
  command.final_callback([this] { require_places(*this); });
}

}  // namespace millrace::apps::commands
