using System.Diagnostics.CodeAnalysis;

namespace Pampa.Commands;

/// <summary>
/// The verbs that packages of Pampa's own bring: to reference one is enough. They are known by name only, for they know Pampa and not the other
/// way round; a name that is a constant is one that the compiler of native programs follows, too.
/// </summary>
internal static class PackageVerbs
{
    private const string Method = "Create";

    public static IEnumerable<Func<VerbContext, VerbCommand>> Find()
    {
        if (Make(Type.GetType("Pampa.Serving.DashboardVerb, Pampa.Dashboard")) is { } dashboard) yield return dashboard;
    }

    private static Func<VerbContext, VerbCommand>? Make([DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicMethods)] Type? type) =>
        type?.GetMethod(Method)?.CreateDelegate<Func<VerbContext, VerbCommand>>();
}
