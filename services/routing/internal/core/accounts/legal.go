package accounts

import "strings"

// legalForms says what kind of company it is and not which one: left out at the end of a name, again and again, as long as
// something is left. As spell writes them; one to four words.
//
//nolint:misspell // Dutch, and others
const legalForms = "inc|incorporated|corp|corporation|co|company|companies|llc|llp|lllp|lp|pllc|pc|pa|ltd|limited|plc|cic|cio|unltd|dac|clg|uc" +
	"|ltd co|pty|proprietary|pty ltd|pte|pte ltd|pvt|private limited|pvt ltd|sdn|bhd|sdn bhd|berhad|nl|tmk" +
	"|gmbh|ggmbh|mbh|ag|kgaa|kg|ohg|ug|ug haftungsbeschrankt|haftungsbeschrankt|haftungsbeschraenkt|ek|ev|eg|gbr|partg|partgmbb|se|sce|eig|ewiv|gesmbh|gesellschaft mbh" +
	"|sarl|sas|sasu|sa|snc|sca|scs|eurl|sci|scop|gie|scrl|sprl|srl|bvba|cvba|asbl|vzw|nv|bv|bv ba|cv|vof|stichting|cooperatie" +
	"|spa|sapa|srls|sc|scarl|soc coop|societa per azioni|sl|slu|slne|sad|scl|sau|sal|sociedad anonima|sociedad limitada" +
	"|sa de cv|sab de cv|sapi de cv|s de rl de cv|s de rl|sc de rl|de cv|sofom|sas de cv|ltda|limitada|eireli|epp|mei|ss|eirl|spa chile|cia|cia ltda|ca|sac|saa|srltda" +
	"|lda|unipessoal|unipessoal lda|sgps|ab|ab publ|publ|hb|kb|as|asa|ans|da|nuf|aps|is|ivs|amba|smba|oy|oyj|ky|tmi|ry|osuuskunta|ehf|hf|sf" +
	"|ou|uab|sia|mb|vsi|tov|pat|prat|dp|zoo|sp zoo|sp z oo|spolka z oo|spolka akcyjna|spolka jawna|spolka z ograniczona odpowiedzialnoscia|sk|sp k|sp j|spk|psa" +
	"|sro|s r o|spol s r o|spol sro|vos|ks|zs|kft|bt|zrt|nyrt|rt|kkt|doo|d oo|dd|jdoo|ad|ead|eood|ood|et|jsc|ojsc|cjsc|pjsc|kd" +
	"|ooo|oao|zao|pao|ao|ip|nko|anonim sirketi|limited sirketi|ltd sti|sti|san ve tic|as turkey|aktiengesellschaft|aktiebolag|aksjeselskap|aktieselskab" +
	"|ae|ave|epe|ike|oe|ee|mepe|monoprosopi|kk|kabushiki kaisha|gk|godo kaisha|yk|nk|gmk|tk|pt|tbk|persero|ud|firma|jsc vietnam|tnhh|cp|jointstock" +
	"|fze|fzco|fzc|fz llc|fzllc|wll|bsc|bscc|saoc|saog|spc|saog oman|qsc|kscc|ksc|sae|bhd brunei|npc|inc np|cc|close corporation" +
	"|株式会社|有限会社|合同会社|有限公司|股份有限公司|有限责任公司|集团|주식회사|유한회사"

// legalPrefixes stand before a name.
//
//nolint:misspell // Dutch, and others
const legalPrefixes = "jsc|ojsc|cjsc|pjsc|ooo|oao|zao|pao|ao|tov|pat|prat|too|pt|cv|firma|stichting|kabushiki kaisha|godo kaisha|sia|uab" +
	"|shirkat|cong ty|cong ty tnhh|cong ty co phan|the|株式会社|有限会社|合同会社|주식회사|유한회사"

// joined are legal forms of scripts that write no spaces: cut off the ends of a word.
const joined = "股份有限公司|有限责任公司|有限責任公司|株式会社|有限会社|合同会社|有限公司|주식회사|유한회사"

// maxForm is the most words that a legal form has.
const maxForm = 4

// between are words for and.
const between = " and und et og och en y e i ve und "

// numbers are words for numbers.
const numbers = "zero 0 one 1 two 2 three 3 four 4 five 5 six 6 seven 7 eight 8 nine 9 ten 10 first 1st second 2nd third 3rd"

// shortened are abbreviations that companies and those who write to them use.
const shortened = "intl international natl national mfg manufacturing mgmt management assoc associates assocs associates assn association bros brothers" +
	" svc services svcs services sys systems tech technologies techs technologies technology technologies univ university hosp hospital dept department engr engineering eng engineering" +
	" inst institute labs laboratories lab laboratories laboratory laboratories ctr center centre center govt government grp group ind industries inds industries indus industries" +
	" pharm pharmaceuticals pharma pharmaceuticals pharmaceutical pharmaceuticals comm communications comms communications telecom telecommunications ins insurance fin financial" +
	" dist distribution distr distribution elec electric amer american am american st saint ste saint mt mount ft fort natn national soln solutions solns solutions solution solutions" +
	" system systems service services industry industries product products prod products prods products"

// ordinary words say little about which company it is; the number counts as names that have it, of priorNames.
const ordinary = "500 international global services solutions systems technologies group industries products management consulting partners associates" +
	"|300 america american usa us uk europe european deutschland germany france italia italy espana spain nordic sverige sweden schweiz switzerland austria osterreich" +
	" canada australia asia africa india china japan brasil brazil mexico polska poland nederland netherlands belgium north south east west central united national" +
	"|300 bank insurance capital holdings enterprises trading media digital software data energy health medical care design engineering construction logistics transport" +
	" foods food auto automotive electric electronics communications telecommunications laboratories pharmaceuticals financial finance investments ventures" +
	" properties estate realty marketing advertising security travel hotel restaurant cafe university hospital school institute center association foundation" +
	"|150 new first general world best advanced premier quality pro express direct city home green blue red black white golden star sun web net online"

// language holds the tables in the form that they are used in.
type language struct {
	letters  letters
	forms    map[string]struct{}
	prefixes map[string]struct{}
	joined   []string
	words    map[string]string
	ordinary map[string]float64
}

func newLanguage() *language {
	l := &language{letters: newLetters(), forms: set(legalForms), prefixes: set(legalPrefixes), joined: strings.Split(joined, "|"),
		words: map[string]string{}, ordinary: map[string]float64{}}
	for _, table := range []string{numbers, shortened} {
		words := strings.Fields(table)
		for i := 0; i+1 < len(words); i += 2 {
			l.words[words[i]] = words[i+1]
		}
	}
	for row := range strings.SplitSeq(ordinary, "|") {
		words := strings.Fields(row)
		n := 0.0
		for _, c := range words[0] {
			n = 10*n + float64(c-'0')
		}
		for _, w := range words[1:] {
			l.ordinary[squash(w)] = n
		}
	}
	return l
}

func set(list string) map[string]struct{} {
	m := map[string]struct{}{}
	for s := range strings.SplitSeq(list, "|") {
		m[s] = struct{}{}
	}
	return m
}

// name gives the words that a company's name is compared by. Nothing is left of a name without letters and digits.
func (l *language) name(text string) []string {
	words := l.letters.spell(text)
	words = l.strip(words)
	out := make([]string, 0, len(words))
	for i, w := range words {
		if len(words) > 1 && strings.Contains(between, " "+w+" ") && (len(w) > 2 || i > 0 && i < len(words)-1) {
			continue
		}
		if long, ok := l.words[w]; ok {
			w = long
		}
		out = append(out, squash(w))
	}
	return out
}

// strip leaves out legal forms and articles, as long as something is left.
func (l *language) strip(words []string) []string {
	for {
		n := len(words)
		for k := min(maxForm, n-1); k > 0; k-- {
			if _, ok := l.forms[strings.Join(words[n-k:], " ")]; ok {
				words = words[:n-k]
				break
			}
			if _, ok := l.prefixes[strings.Join(words[:k], " ")]; ok {
				words = words[k:]
				break
			}
		}
		if len(words) > 1 && words[len(words)-1] == "and" { // of "and company"
			words = words[:len(words)-1]
		}
		if len(words) == n {
			break
		}
	}
	for i, w := range words {
		if w[0] < 0x80 {
			continue
		}
		for _, form := range l.joined {
			if w != form {
				w = strings.TrimSuffix(strings.TrimPrefix(w, form), form)
			}
		}
		if w != "" {
			words[i] = w
		}
	}
	return words
}
