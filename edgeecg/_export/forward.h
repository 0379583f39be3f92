/* For Arduino, which finds the headers of a library in src/ alone. */
#include "../include/@header@"
