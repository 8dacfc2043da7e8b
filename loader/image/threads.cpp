#include "millrace/loader/image/threads.h"

#include <opencv2/core/utility.hpp>

namespace millrace::image {

void use_one_thread() { cv::setNumThreads(0); }

}  // namespace millrace::image
