// `millrace-run`: what `millrace` executes when there is work.

#include "millrace/apps/millrace/program.h"

int main(int argc, char** argv) {
  return millrace::apps::run_program(argc, argv, [](millrace::apps::ProgramTypes&) {});
}
