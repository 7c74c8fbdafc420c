# SPDX-License-Identifier: Apache-2.0
# datetime, zoneinfo from the system's database, calendar, time formats.
import calendar
import datetime as dt
import time
import zoneinfo

start = dt.datetime(2026, 3, 29, 0, 30, tzinfo=zoneinfo.ZoneInfo("Europe/Berlin"))
print(start.isoformat(), (start.astimezone(dt.timezone.utc) + dt.timedelta(hours=1)).astimezone(start.tzinfo), start.strftime("%A %d %B %Y %Z"))
print(dt.datetime(2026, 7, 1, tzinfo=zoneinfo.ZoneInfo("America/New_York")).utcoffset(), len(zoneinfo.available_timezones()) > 400)
print(dt.date.fromisoformat("2024-02-29") + dt.timedelta(days=366), dt.datetime.strptime("5 Jan 2020", "%d %b %Y"), dt.date(2026, 1, 1).isocalendar())
print(calendar.month(2026, 2), calendar.isleap(2100), time.gmtime(0)[:6], time.strftime("%c", time.gmtime(0)))
print(time.monotonic() > 0, time.time() > 1.7e9, time.process_time() < 10)
