#pragma once

namespace CLI {
class Validator;
}

/// What numbers on the command line have to be. CLI11's own checks tell bounds as numbers of 309 digits.
namespace millrace::apps::commands {

/// "expected a number above 0, found 'abc'".
CLI::Validator above_zero();

/// "expected a number that is not negative, found '-1'".
CLI::Validator not_negative();

/// "expected a number that is whole, from 1 to 1000000000, found '1e30'": of how many things there are, which an int
/// holds.
CLI::Validator count(int most = 1'000'000'000);

}  // namespace millrace::apps::commands
