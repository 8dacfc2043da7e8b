#include "millrace/sharing/channel/pipe.h"

#include "millrace/sharing/channel/fd_socket.h"

namespace millrace::multiprocessing {

std::pair<Connection, Connection> Pipe(bool duplex) {
  using Use = Connection::Use;
  auto [first, second] = FdSocket::pair();
  return {Connection(std::move(first), duplex ? Use::kBoth : Use::kReceive),
          Connection(std::move(second), duplex ? Use::kBoth : Use::kSend)};
}

}  // namespace millrace::multiprocessing
