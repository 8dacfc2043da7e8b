#include "millrace/loader/image/threads.h"

// In place of image/threads.cpp where there is no OpenCV, whose threads that keeps to one.
void millrace::image::use_one_thread() {}
