#pragma once

namespace millrace {

/// Opens /dev/null in the place of each of the descriptors 0, 1 and 2 that is closed, as they are where daemons and
/// some schedulers start programs. Otherwise the next socket would get that number, and whatever prints would write to
/// it. init() and main() of our programs call it first. Throws SyscallError where there is no /dev/null.
void open_closed_streams();

}  // namespace millrace
