#include <iostream>
#include <string>
#include <vector>

#include "millrace/sharing/channel/errors.h"
#include "millrace/sharing/channel/pipe.h"
#include "millrace/sharing/process/init.h"
#include "millrace/sharing/process/process.h"

namespace mp = millrace::multiprocessing;

void answer(mp::Connection& questions) {
  for (;;) {
    const auto text = questions.recv<std::string>();
    if (text.empty()) return;
    questions.send(std::vector<size_t>{text.size(), 42});
  }
}

int main(int argc, char** argv) {
  millrace::init(argc, argv);

  auto [ours, theirs] = mp::Pipe();
  mp::Process process(answer, std::move(theirs));  // Moved: the process has the only end over there.
  process.start();
  ours.send(std::string("how long am I?"));
  if (!ours.poll(std::chrono::seconds(10))) return 1;
  for (const size_t number : ours.recv<std::vector<size_t>>()) std::cout << number << '\n';
  ours.send(std::string());
  try {
    ours.recv<std::string>();
  } catch (const mp::EndOfFile&) {
    std::cout << "end of file\n";
  }
  process.join();
}
