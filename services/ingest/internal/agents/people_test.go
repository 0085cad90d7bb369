package agents

import (
	"testing"
	"time"
)

// Browsers inside apps, mail programs, browsers behind a company's proxy, phones with unlucky names and desktop apps are
// people's, whatever words stand in their user agents.
func TestPeople(t *testing.T) {
	l := New()
	const ios = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148"
	const android = "Mozilla/5.0 (Linux; Android 14; Pixel 8 Build/UD1A.230805.019; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/129.0.6668.70 Mobile Safari/537.36"
	const win = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)"
	const mac = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko)"
	for _, ua := range []string{
		ios, mac, android, "Mozilla/5.0",
		ios + " [FBAN/FBIOS;FBAV/482.0.0.31.108;FBBV/652421219;FBDV/iPhone15,2;FBMD/iPhone;FBSN/iOS;FBSV/18.1;FBSS/3;FBID/phone;FBLC/de_DE;FBOP/5]",
		android + " [FB_IAB/FB4A;FBAV/482.0.0.45.80;]",
		android + " [FB_IAB/MESSENGER;FBAV/480.0.0.54.88;]",
		ios + " Instagram 353.0.4.18.90 (iPhone15,2; iOS 18_1; de_DE; de; scale=3.00; 1179x2556; 652421219)",
		ios + " [LinkedInApp]/9.30.1803", android + " LinkedInApp/4.1.1000",
		ios + " Twitter for iPhone/10.62", android + " TwitterAndroid",
		ios + " GSA/340.0.694211562 Safari/604.1", ios + " Line/14.17.0", ios + " MicroMessenger/8.0.53(0x18003531) NetType/WIFI Language/en",
		ios + " musical_ly_36.5.0 BytedanceWebview/d8a21c6", ios + " [Pinterest/iOS]", ios + " Snapchat/13.12.0.41 (like Safari/8619.2.8, panda)",
		ios + " Reddit/2024.42.0 (iPhone; iOS 18.1) RedditInApp",
		ios + " OutlookMobile/4.2443.0", "Outlook-iOS/709.2226530.prod.iphone (3.24.1)", "Outlook-Android/2.0",
		"Microsoft Office/16.0 (Windows NT 10.0; Microsoft Outlook 16.0.17928; Pro)", "Microsoft Office/16.0 (Microsoft Outlook Mail 16.0.17928; Pro)",
		"Mozilla/4.0 (compatible; MSIE 7.0; Windows NT 10.0; WOW64; Trident/7.0; .NET4.0C; .NET4.0E; Microsoft Outlook 16.0.4266; ms-office; MSOffice 16)",
		"Mozilla/4.0 (compatible; ms-office; MSOffice 16)",
		"MacOutlook/16.90.24102117 (Intelx64 Mac OS X Version 14.7)", win + " Chrome/128.0.0.0 Safari/537.36 Edg/128.0.0.0 OneOutlook/1.2024.1023.100",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:128.0) Gecko/20100101 Thunderbird/128.3.1", "eM Client/10.1.4588.0", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.0 Safari/605.1.15 Evolution/3.52",
		"Lotus-Notes/6.0 (Windows-NT)", "Mozilla/4.0 (compatible; Lotus-Notes/6.0; Windows-NT)", "YahooMobileMail/1.0 (Android Mail; 7.50)",
		"Mozilla/5.0 (compatible; Yahoo! Mail)", "Airmail 5.7.1 rv:730", mac + " Superhuman", "Spark/3.18", "Mailspring/1.14", "The Bat! 11",
		"Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)", "YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html",
		win + " Teams/24243.1309.3132.617 Chrome/128.0.6613.162 Electron/32.0.0 Safari/537.36", win + " Slack/4.41.96 Chrome/130 Electron/33.0.1 Safari/537.36 Slack_SSB/4.41.96",
		win + " Chrome/129.0.0.0 Safari/537.36 Zscaler/4.3", "Mozilla/5.0 (Windows NT 10.0; Win64; x64; Cisco-WSA) Gecko/20100101 Firefox/131.0",
		"Mozilla/5.0 (Linux; Android 12; CUBOT NOTE 30) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/129.0.0.0 Mobile Safari/537.36",
		"Mozilla/5.0 (Linux; Android 10; CUBOT_X18_Plus) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/129.0.0.0 Mobile Safari/537.36",
		ios + " DuckDuckGo/7 Safari/605.1.15", win + " Chrome/130.0.0.0 Safari/537.36 Ecosia chrome@130", ios + " EdgiOS/130.0.2849.80 Version/18.0 Safari/604.1",
		win + " Chrome/127.0.0.0 Safari/537.36 Island/1.2", ios + " FxiOS/131.0 Safari/605.1.15", "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/129.0.0.0 Safari/537.36",
		"Mozilla/5.0 (Linux; Android 14; SAMSUNG SM-S918B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/26.0 Chrome/122.0.0.0 Mobile Safari/537.36", "SamsungEmail/6.1",
		"BlackBerry9700/5.0.0.862 Profile/MIDP-2.1", "Mozilla/5.0 (compatible; MSIE 10.0; Windows Phone 8.0)", "Apple-Mail/3776", ios + " GoogleApp/340", android + " GmailApp", "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:131.0) Gecko/20100101 Firefox/131.0 Postbox/7.0.62",
		win + " Chrome/130.0.0.0 Safari/537.36 AVG/130", win + " Chrome/130.0.0.0 Safari/537.36 Norton/130",
	} {
		if l.Automated(ua, time.Unix(0, 0)) {
			t.Errorf("a person's: %s", ua)
		}
	}
}
