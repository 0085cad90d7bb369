package brief

import (
	"fmt"
	"strings"
	"time"
)

// zoneOf gives the time zone of a country (ISO 3166-1 alpha-2) whose whole territory under that code keeps one, "" for all
// others: a guess would call people at night. Source: the IANA zone1970.tab.
func zoneOf(country string) string {
	return map[string]string{
		"AE": "Asia/Dubai", "AT": "Europe/Vienna", "BE": "Europe/Brussels", "BG": "Europe/Sofia", "CH": "Europe/Zurich", "CZ": "Europe/Prague",
		"DE": "Europe/Berlin", "DK": "Europe/Copenhagen", "EE": "Europe/Tallinn", "EG": "Africa/Cairo", "FI": "Europe/Helsinki", "FR": "Europe/Paris",
		"GB": "Europe/London", "GR": "Europe/Athens", "HK": "Asia/Hong_Kong", "HR": "Europe/Zagreb", "HU": "Europe/Budapest", "IE": "Europe/Dublin",
		"IL": "Asia/Jerusalem", "IN": "Asia/Kolkata", "IS": "Atlantic/Reykjavik", "IT": "Europe/Rome", "JP": "Asia/Tokyo", "KE": "Africa/Nairobi",
		"KR": "Asia/Seoul", "LT": "Europe/Vilnius", "LU": "Europe/Luxembourg", "LV": "Europe/Riga", "MY": "Asia/Kuala_Lumpur", "NG": "Africa/Lagos",
		"NL": "Europe/Amsterdam", "NO": "Europe/Oslo", "PE": "America/Lima", "PH": "Asia/Manila", "PK": "Asia/Karachi", "PL": "Europe/Warsaw",
		"RO": "Europe/Bucharest", "RS": "Europe/Belgrade", "SA": "Asia/Riyadh", "SE": "Europe/Stockholm", "SG": "Asia/Singapore", "SI": "Europe/Ljubljana",
		"SK": "Europe/Bratislava", "TH": "Asia/Bangkok", "TR": "Europe/Istanbul", "TW": "Asia/Taipei", "VN": "Asia/Ho_Chi_Minh", "ZA": "Africa/Johannesburg",
	}[strings.ToUpper(strings.TrimSpace(country))]
}

// workingTime says what the lead's morning is on the rep's clock, as it is at a moment; "" where the zone is not certain.
func workingTime(country string, at time.Time, rep *time.Location) string {
	name := zoneOf(country)
	if name == "" || at.IsZero() {
		return ""
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return ""
	}
	whose := "your"
	if rep == nil {
		rep, whose = time.UTC, "UTC's"
	}
	y, m, d := at.In(zone).Date()
	morning := time.Date(y, m, d, 9, 0, 0, 0, zone)
	if morning.In(rep).Format("15:04") == "09:00" {
		return "their clock is " + whose + " clock"
	}
	return fmt.Sprintf("09:00 on their clock is %s on %s clock", morning.In(rep).Format("15:04"), whose)
}

// language names the language to speak; what is no code that is known here stays as it was stated.
func language(stated string) string {
	code, _, _ := strings.Cut(strings.ToLower(strings.ReplaceAll(strings.TrimSpace(stated), "_", "-")), "-")
	if name := map[string]string{
		"ar": "Arabic", "cs": "Czech", "da": "Danish", "de": "German", "el": "Greek", "en": "English", "es": "Spanish", "et": "Estonian", "fi": "Finnish",
		"fr": "French", "he": "Hebrew", "hi": "Hindi", "hu": "Hungarian", "it": "Italian", "ja": "Japanese", "ko": "Korean", "lt": "Lithuanian",
		"lv": "Latvian", "nb": "Norwegian", "nl": "Dutch", "no": "Norwegian", "pl": "Polish", "pt": "Portuguese", "ro": "Romanian", "ru": "Russian",
		"sv": "Swedish", "tr": "Turkish", "uk": "Ukrainian", "zh": "Chinese",
	}[code]; name != "" {
		return name
	}
	return strings.TrimSpace(stated)
}
