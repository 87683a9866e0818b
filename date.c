/* date.c: see date.h. */
#include "date.h"

#include <string.h>

#define DAY_SECONDS (INT64_C(24) * 60 * 60)
#define TIME_MS_MAX INT64_C(253402300799999)    /* 9999-12-31T23:59:59.999Z */

/* Days from 1970-01-01 to the first of January, by the Gregorian rule, for any
 * year from 1970. */
static int64_t days_before_year(int64_t year)
{
	const int64_t before_1970 = 1969 / 4 - 1969 / 100 + 1969 / 400;
	int64_t y = year - 1, leap_days = y / 4 - y / 100 + y / 400;

	return 365 * (year - 1970) + leap_days - before_1970;
}

/* Days from the first of January to the first of a month, 0 to 12. */
static int64_t days_before_month(int64_t year, int month)
{
	static const short days[] = {
		0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365
	};
	int leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	return days[month] + (leap && month > 1);
}

static void put_digits(char *to, int n, int64_t value)
{
	for (int i = n - 1; i >= 0; i--, value /= 10)
		to[i] = (char)('0' + value % 10);
}

void date_encode(char *to, int64_t ms)
{
	int64_t day, second, year;
	int month = 0;

	ms = ms < 0 ? 0 : ms > TIME_MS_MAX ? TIME_MS_MAX : ms;
	second = ms / 1000 % DAY_SECONDS;
	day = ms / 1000 / DAY_SECONDS;
	for (year = 1970 + day / 366; days_before_year(year + 1) <= day; year++)
		;
	day -= days_before_year(year);
	while (days_before_month(year, month + 1) <= day)
		month++;
	memcpy(to, "yyyy-mm-ddThh:mm:ss.mmmZ", DATE_BYTES);
	put_digits(to, 4, year);
	put_digits(to + 5, 2, month + 1);
	put_digits(to + 8, 2, day - days_before_month(year, month) + 1);
	put_digits(to + 11, 2, second / 3600);
	put_digits(to + 14, 2, second / 60 % 60);
	put_digits(to + 17, 2, second % 60);
	put_digits(to + 20, 3, ms % 1000);
}

/* The number in n digits; -1: one of them is not a digit. */
static int64_t take_digits(const char *p, int n)
{
	int64_t value = 0;

	for (int i = 0; i < n; i++) {
		if (p[i] < '0' || p[i] > '9')
			return -1;
		value = value * 10 + (p[i] - '0');
	}
	return value;
}

/* The result is written again and compared: so a date that does not exist, or
 * another form of one that does, is refused. */
int date_decode(struct str s, int64_t *ms)
{
	char again[DATE_BYTES];
	int64_t year, month, day, second;

	if (s.n != DATE_BYTES)
		return -1;
	year = take_digits(s.p, 4);
	month = take_digits(s.p + 5, 2);
	day = take_digits(s.p + 8, 2);
	if (year < 1970 || month < 1 || month > 12)
		return -1;
	day += days_before_year(year) - 1;
	day += days_before_month(year, (int)month - 1);
	second = take_digits(s.p + 11, 2) * 3600 +
	    take_digits(s.p + 14, 2) * 60 + take_digits(s.p + 17, 2);
	*ms = (day * DAY_SECONDS + second) * 1000 + take_digits(s.p + 20, 3);
	date_encode(again, *ms);
	return memcmp(again, s.p, DATE_BYTES) == 0 ? 0 : -1;
}
