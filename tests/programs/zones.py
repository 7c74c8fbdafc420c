# SPDX-License-Identifier: Apache-2.0
# zoneinfo, the local zone and daylight saving.
import datetime
import os
import time
import zoneinfo

berlin = zoneinfo.ZoneInfo("Europe/Berlin")
for moment in (datetime.datetime(2026, 1, 1, 12, tzinfo=berlin), datetime.datetime(2026, 7, 1, 12, tzinfo=berlin)):
    print(moment, moment.utcoffset(), moment.tzname(), moment.astimezone(zoneinfo.ZoneInfo("America/New_York")))
print(datetime.datetime(2026, 10, 25, 2, 30, tzinfo=berlin, fold=1).utcoffset(), len(zoneinfo.available_timezones()) > 300)
print(time.tzname, time.timezone, time.localtime(0).tm_hour, time.daylight, zoneinfo.TZPATH)
os.environ["TZ"] = "Asia/Tokyo"
time.tzset()
print(time.tzname, time.localtime(0).tm_hour, time.strftime("%Z %z", time.localtime(0)))
try:
    zoneinfo.ZoneInfo("Nowhere/Land")
except zoneinfo.ZoneInfoNotFoundError as e:
    print(e)
