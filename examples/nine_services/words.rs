//! The names that people, companies and goods bear, in Korean and in English.
//!
//! Hangul is composed (NFC) throughout. Names repeat on purpose: a search by a name must cope with it.

use crate::dice::Dice;

/// Names that many people share.
const COMMON_PEOPLE: [&str; 14] = [
    "김철수",
    "이영희",
    "박민수",
    "김지훈",
    "이서연",
    "최수진",
    "정우성",
    "김민준",
    "박지영",
    "한지민",
    "Grace Lee",
    "Daniel Kim",
    "Emma Park",
    "James Choi",
];
const FAMILY: [&str; 20] = [
    "김", "이", "박", "최", "정", "강", "조", "윤", "장", "임", "한", "오", "서", "신", "권", "황",
    "안", "송", "류", "홍",
];
const GIVEN: [&str; 32] = [
    "민준", "서준", "도윤", "예준", "시우", "하준", "지호", "주원", "지후", "준우", "서연", "서윤",
    "지우", "서현", "하은", "하윤", "민서", "지유", "윤서", "채원", "은주", "미경", "정숙", "영수",
    "상철", "동현", "성민", "태훈", "혜진", "유진", "수빈", "가람",
];
const ENGLISH_GIVEN: [&str; 16] = [
    "Alice", "Brian", "Chloe", "Derek", "Ellen", "Frank", "Hannah", "Irene", "Jason", "Karen",
    "Liam", "Mina", "Noah", "Olivia", "Peter", "Sarah",
];
const ENGLISH_FAMILY: [&str; 14] = [
    "Kim", "Lee", "Park", "Choi", "Jung", "Kang", "Smith", "Brown", "O'Neill", "Garcia", "Müller",
    "Tanaka", "Nguyen", "Rossi",
];

const BRANDS: [(&str, &str); 36] = [
    ("한빛", "Hanbit"),
    ("대성", "Daesung"),
    ("미래", "Mirae"),
    ("새한", "Saehan"),
    ("동방", "Dongbang"),
    ("우리", "Woori"),
    ("가온", "Gaon"),
    ("나래", "Narae"),
    ("다온", "Daon"),
    ("라온", "Raon"),
    ("청솔", "Cheongsol"),
    ("백두", "Baekdu"),
    ("한라", "Halla"),
    ("금강", "Geumgang"),
    ("신성", "Shinsung"),
    ("태평양", "Taepyeongyang"),
    ("서울", "Seoul"),
    ("부산", "Busan"),
    ("인천", "Incheon"),
    ("제주", "Jeju"),
    ("삼오", "Samo"),
    ("오성", "Osung"),
    ("칠성", "Chilsung"),
    ("하늘", "Haneul"),
    ("바다", "Bada"),
    ("푸른", "Pureun"),
    ("은하", "Eunha"),
    ("샛별", "Saetbyeol"),
    ("해오름", "Haeoreum"),
    ("온누리", "Onnuri"),
    ("예스", "Yes"),
    ("에이원", "A-One"),
    ("비전", "Vision"),
    ("스마트", "Smart"),
    ("그린", "Green"),
    ("블루", "Blue"),
];
const TRADES: [(&str, &str); 18] = [
    ("물산", "Trading"),
    ("전자", "Electronics"),
    ("건설", "Construction"),
    ("화학", "Chemicals"),
    ("식품", "Foods"),
    ("제약", "Pharma"),
    ("해운", "Shipping"),
    ("물류", "Logistics"),
    ("정보통신", "Networks"),
    ("소프트", "Software"),
    ("에너지", "Energy"),
    ("금속", "Metals"),
    ("섬유", "Textiles"),
    ("미디어", "Media"),
    ("바이오", "Bio"),
    ("로보틱스", "Robotics"),
    ("보험", "Insurance"),
    ("캐피탈", "Capital"),
];

/// What a contract is about.
pub(crate) const SUBJECTS: [&str; 20] = [
    "클라우드",
    "데이터센터",
    "물류 창고",
    "사무실 임대",
    "콜센터",
    "네트워크",
    "보안 관제",
    "ERP",
    "차량 리스",
    "구내식당",
    "시설 관리",
    "태양광 설비",
    "결제 대행",
    "광고 매체",
    "교육 훈련",
    "Cloud Hosting",
    "Data Platform",
    "Freight",
    "Call Center",
    "Solar Plant",
];
/// What kind of agreement a contract is.
pub(crate) const AGREEMENTS: [&str; 10] = [
    "유지보수",
    "구축",
    "공급",
    "임대",
    "위탁 운영",
    "컨설팅",
    "갱신",
    "Support",
    "Supply",
    "Renewal",
];
/// Remarks that somebody typed, with all that people type.
pub(crate) const MEMOS: [&str; 9] = [
    "담당자 변경 예정",
    "연장 협의 중 (구두 합의)",
    "Customer asked for 10% off; see e-mail of 3/2",
    "it's \"urgent\" \\ do not lose",
    "첫 줄\n둘째 줄\t탭",
    "👍 승인 완료",
    "100% 선금; 잔금 없음",
    "세금계산서 발행 요청: 'A&B <상사>'",
    "",
];

const GOODS: [(&str, &str); 24] = [
    ("클라우드 서버", "hardware"),
    ("방화벽", "hardware"),
    ("스토리지 어레이", "hardware"),
    ("네트워크 스위치", "hardware"),
    ("무정전 전원장치", "hardware"),
    ("산업용 로봇팔", "hardware"),
    ("Edge Gateway", "hardware"),
    ("Laser Scanner", "hardware"),
    ("회계 소프트웨어", "software"),
    ("그룹웨어 라이선스", "software"),
    ("데이터베이스 라이선스", "software"),
    ("Antivirus Suite", "software"),
    ("CAD License", "software"),
    ("유지보수 서비스", "service"),
    ("현장 점검", "service"),
    ("24시간 관제", "service"),
    ("교육 과정", "service"),
    ("Onsite Training", "service"),
    ("Penetration Test", "service"),
    ("사무용 의자", "supply"),
    ("복합기 토너", "supply"),
    ("안전모", "supply"),
    ("포장 상자", "supply"),
    ("Paper A4", "supply"),
];
const SIZES: [&str; 8] = ["", " S", " M", " L", " Pro", " 2세대", " 기본형", " 고급형"];

/// What customers write to the support desk about.
pub(crate) const COMPLAINTS: [&str; 14] = [
    "세금계산서가 발행되지 않았습니다",
    "정산 금액이 다릅니다",
    "로그인이 되지 않습니다",
    "계약서 사본 요청",
    "담당자와 연락이 되지 않습니다",
    "서비스가 느립니다",
    "납품이 지연되고 있습니다",
    "해지 문의",
    "Invoice shows the wrong amount",
    "Cannot download the contract",
    "Please change our billing address",
    "Service was down last night",
    "How do we renew?",
    "Refund has not arrived",
];

/// A person's name; two in five are names that many share.
pub(crate) fn person(dice: &mut Dice) -> String {
    if dice.chance(40) {
        dice.pick(&COMMON_PEOPLE).to_owned()
    } else if dice.chance(80) {
        format!("{}{}", dice.pick(&FAMILY), dice.pick(&GIVEN))
    } else {
        format!("{} {}", dice.pick(&ENGLISH_GIVEN), dice.pick(&ENGLISH_FAMILY))
    }
}

/// A firm's name in Korean and in English.
pub(crate) fn firm(dice: &mut Dice) -> (String, String) {
    let (brand, brand_english) = dice.pick(&BRANDS);
    let (trade, trade_english) = dice.pick(&TRADES);
    let korean = match dice.below(4) {
        0 => format!("(주){brand}{trade}"),
        1 => format!("주식회사 {brand}{trade}"),
        _ => format!("{brand}{trade}"),
    };
    (korean, format!("{brand_english} {trade_english} Co., Ltd."))
}

/// A product's name and category.
pub(crate) fn goods(dice: &mut Dice) -> (String, &'static str) {
    let (name, category) = dice.pick(&GOODS);
    (format!("{name}{}", dice.pick(&SIZES)), category)
}
