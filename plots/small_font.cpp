#include "millrace/plots/small_font.h"

#include <string_view>

namespace millrace::plots {
namespace {

constexpr size_t kInARow = 16;

// The characters of ASCII from the space on, sixteen side by side, and a box in the place of the last.
// clang-format off
constexpr std::string_view kDrawn =
    "..... ..o.. .o.o. .o.o. ..o.. oo..o .oo.. ..o.. ...o. .o... ..... ..... ..... ..... ..... ....o "
    "..... ..o.. .o.o. .o.o. .oooo oo..o o..o. ..o.. ..o.. ..o.. ..o.. ..o.. ..... ..... ..... ....o "
    "..... ..o.. .o.o. ooooo o.o.. ...o. o..o. ..o.. .o... ...o. o.o.o ..o.. ..... ..... ..... ...o. "
    "..... ..o.. ..... .o.o. .ooo. ..o.. .oo.. ..... .o... ...o. .ooo. ooooo ..... ooooo ..... ..o.. "
    "..... ..o.. ..... ooooo ..o.o .o... o.o.o ..... .o... ...o. o.o.o ..o.. ..... ..... ..... .o... "
    "..... ..... ..... .o.o. oooo. o..oo o..o. ..... ..o.. ..o.. ..o.. ..o.. ..oo. ..... .oo.. o.... "
    "..... ..o.. ..... .o.o. ..o.. o..oo .oo.o ..... ...o. .o... ..... ..... ..oo. ..... .oo.. o.... "
    "..... ..... ..... ..... ..... ..... ..... ..... ..... ..... ..... ..... ...o. ..... ..... ..... "
    "..... ..... ..... ..... ..... ..... ..... ..... ..... ..... ..... ..... ..o.. ..... ..... ..... "
    ".ooo. ..o.. .ooo. .ooo. ...o. ooooo ..oo. ooooo .ooo. .ooo. ..... ..... ...o. ..... .o... .ooo. "
    "o...o .oo.. o...o o...o ..oo. o.... .o... ....o o...o o...o .oo.. ..oo. ..o.. ..... ..o.. o...o "
    "o..oo ..o.. ....o ....o .o.o. oooo. o.... ...o. o...o o...o .oo.. ..oo. .o... ooooo ...o. ....o "
    "o.o.o ..o.. ..oo. ..oo. o..o. ....o oooo. ..o.. .ooo. .oooo ..... ..... o.... ..... ....o ...o. "
    "oo..o ..o.. .o... ....o ooooo ....o o...o .o... o...o ....o ..... ..... .o... ooooo ...o. ..o.. "
    "o...o ..o.. o.... o...o ...o. o...o o...o .o... o...o ...o. .oo.. ..oo. ..o.. ..... ..o.. ..... "
    ".ooo. .ooo. ooooo .ooo. ...o. .ooo. .ooo. .o... .ooo. .oo.. .oo.. ..oo. ...o. ..... .o... ..o.. "
    "..... ..... ..... ..... ..... ..... ..... ..... ..... ..... ..... ...o. ..... ..... ..... ..... "
    "..... ..... ..... ..... ..... ..... ..... ..... ..... ..... ..... ..o.. ..... ..... ..... ..... "
    ".ooo. .ooo. oooo. .ooo. oooo. ooooo ooooo .ooo. o...o .ooo. ..ooo o...o o.... o...o o...o .ooo. "
    "o...o o...o o...o o...o o...o o.... o.... o...o o...o ..o.. ...o. o..o. o.... oo.oo o...o o...o "
    "o.ooo o...o o...o o.... o...o o.... o.... o.... o...o ..o.. ...o. o.o.. o.... o.o.o oo..o o...o "
    "o.o.o ooooo oooo. o.... o...o oooo. oooo. o.ooo ooooo ..o.. ...o. oo... o.... o.o.o o.o.o o...o "
    "o.ooo o...o o...o o.... o...o o.... o.... o...o o...o ..o.. ...o. o.o.. o.... o...o o..oo o...o "
    "o.... o...o o...o o...o o...o o.... o.... o...o o...o ..o.. o..o. o..o. o.... o...o o...o o...o "
    ".ooo. o...o oooo. .ooo. oooo. ooooo o.... .oooo o...o .ooo. .oo.. o...o ooooo o...o o...o .ooo. "
    "..... ..... ..... ..... ..... ..... ..... ..... ..... ..... ..... ..... ..... ..... ..... ..... "
    "..... ..... ..... ..... ..... ..... ..... ..... ..... ..... ..... ..... ..... ..... ..... ..... "
    "oooo. .ooo. oooo. .oooo ooooo o...o o...o o...o o...o o...o ooooo .ooo. o.... .ooo. ..o.. ..... "
    "o...o o...o o...o o.... ..o.. o...o o...o o...o o...o o...o ....o .o... o.... ...o. .o.o. ..... "
    "o...o o...o o...o o.... ..o.. o...o o...o o...o .o.o. .o.o. ...o. .o... .o... ...o. o...o ..... "
    "oooo. o...o oooo. .ooo. ..o.. o...o o...o o.o.o ..o.. ..o.. ..o.. .o... ..o.. ...o. ..... ..... "
    "o.... o.o.o o.o.. ....o ..o.. o...o o...o o.o.o .o.o. ..o.. .o... .o... ...o. ...o. ..... ..... "
    "o.... o..o. o..o. ....o ..o.. o...o .o.o. oo.oo o...o ..o.. o.... .o... ....o ...o. ..... ..... "
    "o.... .oo.o o...o oooo. ..o.. .ooo. ..o.. o...o o...o ..o.. ooooo .ooo. ....o .ooo. ..... ..... "
    "..... ..... ..... ..... ..... ..... ..... ..... ..... ..... ..... ..... ..... ..... ..... ooooo "
    "..... ..... ..... ..... ..... ..... ..... ..... ..... ..... ..... ..... ..... ..... ..... ..... "
    ".o... ..... o.... ..... ....o ..... ..oo. ..... o.... ..o.. ...o. o.... .oo.. ..... ..... ..... "
    "..o.. ..... o.... ..... ....o ..... .o..o ..... o.... ..... ..... o.... ..o.. ..... ..... ..... "
    "...o. .ooo. oooo. .ooo. .oooo .ooo. .o... .oooo o.oo. .oo.. ..oo. o..o. ..o.. oo.o. o.oo. .ooo. "
    "..... ....o o...o o...o o...o o...o ooo.. o...o oo..o ..o.. ...o. o.o.. ..o.. o.o.o oo..o o...o "
    "..... .oooo o...o o.... o...o ooooo .o... o...o o...o ..o.. ...o. oo... ..o.. o.o.o o...o o...o "
    "..... o...o o...o o...o o...o o.... .o... o...o o...o ..o.. ...o. o.o.. ..o.. o.o.o o...o o...o "
    "..... .oooo oooo. .ooo. .oooo .ooo. .o... .oooo o...o .ooo. ...o. o..o. .ooo. o.o.o o...o .ooo. "
    "..... ..... ..... ..... ..... ..... ..... ....o ..... ..... o..o. ..... ..... ..... ..... ..... "
    "..... ..... ..... ..... ..... ..... ..... .ooo. ..... ..... .oo.. ..... ..... ..... ..... ..... "
    "..... ..... ..... ..... .o... ..... ..... ..... ..... ..... ..... ...oo ..o.. oo... ..... ooooo "
    "..... ..... ..... ..... .o... ..... ..... ..... ..... ..... ..... ..o.. ..o.. ..o.. ..... o...o "
    "oooo. .oooo o.oo. .oooo ooo.. o...o o...o o...o o...o o...o ooooo ..o.. ..o.. ..o.. .o... o...o "
    "o...o o...o oo..o o.... .o... o...o o...o o...o .o.o. o...o ...o. .o... ..o.. ...o. o.o.o o...o "
    "o...o o...o o.... .ooo. .o... o...o o...o o.o.o ..o.. o...o ..o.. ..o.. ..o.. ..o.. ...o. o...o "
    "o...o o...o o.... ....o .o..o o..oo .o.o. o.o.o .o.o. o...o .o... ..o.. ..o.. ..o.. ..... o...o "
    "oooo. .oooo o.... oooo. ..oo. .oo.o ..o.. .o.o. o...o .oooo ooooo ...oo ..o.. oo... ..... ooooo "
    "o.... ....o ..... ..... ..... ..... ..... ..... ..... ....o ..... ..... ..... ..... ..... ..... "
    "o.... ....o ..... ..... ..... ..... ..... ..... ..... .ooo. ..... ..... ..... ..... ..... ..... ";
// clang-format on
static_assert(kDrawn.size() == 6 * kInARow * kGlyphHeight * kGlyphWidth);

}  // namespace

bool is_ink(char character, size_t row, size_t column) {
  constexpr unsigned kFirst = ' ', kBox = 0x7F;
  const auto code = static_cast<unsigned char>(character);
  const size_t index = (code < kFirst || code > kBox ? kBox : code) - kFirst;
  const size_t line = index / kInARow * kGlyphHeight + row;
  return kDrawn[(line * kInARow + index % kInARow) * kGlyphWidth + column] == 'o';
}

}  // namespace millrace::plots
