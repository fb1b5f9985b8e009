//! Would the tenant let the person reset?

use async_trait::async_trait;
use ritorno_doctor::explain;
use ritorno_doctor::{Check, Description, FaultTest, Finding, System};
use ritorno_protocol::enrolment::PersonStanding;
use ritorno_protocol::outcome::SsprCode;

use super::About;

/// The check.
pub(super) struct PersonTenant;

#[async_trait]
impl Check<About> for PersonTenant {
    fn description(&self) -> &'static Description {
        &Description {
            id: "person-tenant",
            title: "The tenant lets the person reset",
            proves: "The cloud side knows the person by their source anchor and finds nothing that it would refuse them for.",
            article: Some("The person to test with may reset"),
            rows: &["T3", "T4", "T10"],
            fault_test: const {
                FaultTest::real("doctor_person::each_fault_of_a_person_is_the_first_thing_that_stops_them")
            },
            manual: "troubleshooting.html#person-tenant",
        }
    }

    async fn look(&self, about: &About) -> Finding {
        match &about.tenant {
            Ok(standing) => judge(standing),
            Err(reason) => Finding::could_not_tell(reason.clone()),
        }
    }

    fn examples(&self) -> Vec<Finding> {
        let refused = [
            SsprCode::TenantDisabled,
            SsprCode::WritebackNotEnabled,
            SsprCode::NotEnabledInPolicy,
            SsprCode::NotLicensed,
            SsprCode::NotInGroup,
            SsprCode::NotProperlyConfigured,
        ];
        let of = |known, sspr| judge(&PersonStanding { known, sspr, stopped_until: None });
        [of(false, None)].into_iter().chain(refused.map(|code| of(true, Some(code)))).collect()
    }
}

fn judge(standing: &PersonStanding) -> Finding {
    if !standing.known {
        return Finding::fail(
            "the tenant has nobody with this source anchor",
            "no export has carried the person yet",
        )
        .fix(System::Agent, ["ritorno-agent sync run all full-sync", "ritorno-agent sync run all export"]);
    }
    let Some(code) = standing.sspr else { return Finding::pass("known, and nothing to refuse them for") };
    let known = explain(code.as_str());
    let (means, causes) = known.map_or(("refused", [].as_slice()), |known| (known.means, known.causes));
    let finding =
        Finding::fail(format!("{}: {means}", code.as_str()), causes.first().copied().unwrap_or(means));
    match code.as_str() {
        "SSPR_0009" => finding.fix(System::Cloud, ["ritorno tenant set sspr on"]),
        "SSPR_0010" => finding.fix(System::Cloud, ["ritorno tenant set writeback on"]),
        "SSPR_0012" => finding.fix(
            System::Cloud,
            ["ritorno licence show", "ritorno licence assign PRODUCT --person NAME"],
        ),
        "SSPR_0013" => finding
            .fix(System::Windows, ["Add-ADGroupMember GROUP -Members ACCOUNT"])
            .fix(System::Samba, ["samba-tool group addmembers GROUP ACCOUNT"])
            .fix(System::Agent, ["ritorno-agent sync cycle"])
            .fix(
                System::Cloud,
                ["# which groups they are; without one it is everybody:", "ritorno tenant show", "ritorno tenant sspr-for"],
            ),
        "SSPR_0014" => finding.fix(
            System::Cloud,
            ["# the person registers an address at /register; or the directory gets one, in the attribute that the sync's rules name"],
        ),
        other => finding.fix(System::Agent, [format!("ritorno-agent doctor explain {other}")]),
    }
}
