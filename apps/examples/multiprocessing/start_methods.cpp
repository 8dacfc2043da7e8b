#include <iostream>

#include "millrace/sharing/process/context.h"
#include "millrace/sharing/process/init.h"
#include "millrace/sharing/process/process.h"

namespace mp = millrace::multiprocessing;

int main(int argc, char** argv) {
  millrace::init(argc, argv);

  mp::set_start_method(mp::StartMethod::kForkServer);  // Once a program; this is the default anyway.
  for (const auto method : mp::get_all_start_methods()) {
    const auto context = mp::get_context(method);  // For a library that must not set the program's default.
    auto process = context.Process([](int code) { std::exit(code); }, 7);
    process.start();
    process.join();
    std::cout << to_string(method) << ": " << *process.exitcode() << '\n';
  }
}
