#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "millrace/loader/detail/picture_size.h"
#include "millrace/surveys/survey.h"

namespace millrace::surveys {

/// What the headers of pictures say.
struct PictureHeaders {
  int64_t readable = 0;
  int64_t broken = 0;
  std::string first_broken;  ///< "'a/7.jpg': not an image: ...".
  image::Size smallest;      ///< By its shorter side, as the others.
  image::Size middle;
  image::Size largest;
  bool one_size = false;
};

/// Reads the headers of files, and no pixels. Throws std::runtime_error where no file is a picture.
PictureHeaders look_at_headers(const std::vector<std::string>& paths, const Looked& looked);

/// The same of pictures that lie elsewhere: `size_of` reads the header of one, `name_of` is what it is called.
PictureHeaders look_at_headers(int64_t pictures, const std::function<image::Size(size_t)>& size_of,
                               const std::function<std::string(size_t)>& name_of, const Looked& looked);

/// "640 x 480": width and height.
std::string side_by_side(const image::Size& size);

/// Puts into a survey what they say of its pictures.
void note_headers(const PictureHeaders& headers, Survey& survey);

}  // namespace millrace::surveys
